import { describe, expect, it } from 'vitest';
import type { Defense, Draw } from '../../src/defenses/defense.ts';
import { openTransform, type OpenTransform } from '../../src/defenses/open-transform.ts';

/** A recipe of one step, made by the defense of a plugin without types. */
function recipeOf(defense: unknown, views: number | null = null): Promise<OpenTransform> {
  const declaration = { views: () => views, load: () => defense as Defense<never> };
  return openTransform({ kind: 'transform', steps: [{ name: 'mine', params: {} }] }, () => declaration);
}

const shape = [3, 1, 2, 1] as const;
const pixels = (): Float32Array => Float32Array.of(0, 0.1, 0.2, 0.3, 0.4, 0.5);
const draw: Draw = { seed: [1, 2], draw: 0, ids: Int32Array.of(10, 11, 12) };

async function apply(defense: unknown, views: number | null = null): Promise<unknown> {
  return (await recipeOf(defense, views)).apply(pixels(), shape, draw);
}

describe('what apply of a defense returns is checked wherever its recipe is applied', () => {
  const subject = "the pixels that apply of defense 'mine' returned";
  it.each<readonly [string, (given: Float32Array) => unknown, string]>([
    ['float64', (p) => Float64Array.from(p), 'are a Float64Array, not a Float32Array or a Uint8Array'],
    ['a plain array', (p) => [...p], 'are a plain array, not a Float32Array or a Uint8Array'],
    ['nothing', () => undefined, 'are undefined, not a Float32Array or a Uint8Array'],
    ['too few values', (p) => p.slice(2), 'are 4 values, not 6 (3 × 1 × 2 × 1)'],
    ['too few bytes', () => new Uint8Array(5), 'are 5 values, not 6 (3 × 1 × 2 × 1)'],
    ['NaN', (p) => p.map((v, i) => (i === 3 ? NaN : v)), 'are not finite: they hold NaN in image 1 (id 11)'],
    [
      'more than 1',
      (p) => p.map((v) => v * 4),
      'are not all in [0, 1]: they hold 1.2000000476837158 in image 1 (id 11)',
    ],
    [
      'less than 0',
      (p) => p.map((v) => v - 0.25),
      'are not all in [0, 1]: they hold -0.25 in image 0 (id 10)',
    ],
  ])('%s', async (_, returned, problem) => {
    await expect(apply({ apply: returned })).rejects.toThrow(`${subject} ${problem}`);
    await expect(apply({ apply: (p: Float32Array) => Promise.resolve(returned(p)) })).rejects.toThrow(
      subject,
    );
    const { applyWithPullBack } = await recipeOf({ apply: returned });
    await expect(applyWithPullBack(pixels(), shape, draw)).rejects.toThrow(subject);
  });

  it('bytes, and sums that round to slightly more than 1, are pixels', async () => {
    expect(await apply({ apply: () => new Uint8Array(6) })).toEqual(new Uint8Array(6));
    expect(await apply({ apply: (p: Float32Array) => p.fill(1 + 2e-7).slice() }).catch(String)).toContain(
      'wrote',
    );
    expect(await apply({ apply: (p: Float32Array) => p.map(() => 1 + 2e-7) })).toBeInstanceOf(Float32Array);
  });

  it('pixels that were wrong before are not blamed on it', async () => {
    const { apply: applied } = await recipeOf({ apply: (p: Float32Array) => p.slice() });
    await expect(applied(pixels().fill(NaN), shape, draw)).rejects.toThrow(
      "the pixels that are to go through defense 'mine' are not finite",
    );
  });

  it('a defense that is no object of functions', async () => {
    await expect(recipeOf(undefined)).rejects.toThrow("apply of defense 'mine' is undefined, not a function");
    await expect(recipeOf({ apply: () => pixels(), pullBack: 3 })).rejects.toThrow('pullBack of defense');
  });
});

describe('a defense that writes into what it was given is refused', () => {
  it.each<readonly [string, (given: Float32Array) => unknown]>([
    ['and returns it', (p) => p.fill(0)],
    ['after a copy', (p) => [p.slice(), p.fill(1)][0]],
    [
      'and throws',
      (p) => {
        p.fill(0);
        throw new Error('boom');
      },
    ],
  ])('%s', async (_, returned) => {
    await expect(apply({ apply: returned })).rejects.toThrow(
      "defense 'mine' wrote into the pixels that apply was given",
    );
  });
});

describe('what pullBack returns is checked', () => {
  async function pullBack(
    returned: (gradient: Float32Array, input: Float32Array) => unknown,
    gradient = pixels(),
  ): Promise<unknown> {
    const recipe = await recipeOf({ apply: (p: Float32Array) => p.slice(), pullBack: returned });
    return (await recipe.applyWithPullBack(pixels(), shape, draw)).pullBack(gradient);
  }
  const subject = "the gradients that pullBack of defense 'mine' returned";
  it.each<readonly [string, (gradient: Float32Array) => unknown, string]>([
    ['too few values', (g) => g.slice(1), 'are 5 values, not 6 (3 × 1 × 2 × 1)'],
    ['NaN', (g) => g.map((v, i) => (i === 4 ? NaN : v)), 'are not finite: they hold NaN in image 2 (id 12)'],
    ['a plain array', (g) => [...g], 'are a plain array, not a Float32Array'],
    ['a promise', (g) => Promise.resolve(g), 'are a promise, not a Float32Array'],
    ['nothing', () => undefined, 'are undefined, not a Float32Array'],
  ])('%s', async (_, returned, problem) => {
    await expect(pullBack(returned)).rejects.toThrow(`${subject} ${problem}`);
  });

  it('writes into its arguments', async () => {
    await expect(pullBack((g) => g.fill(0))).rejects.toThrow('wrote into the gradient or the pixels');
    await expect(pullBack((g, x) => [g, x.fill(0)][0])).rejects.toThrow(
      'wrote into the gradient or the pixels',
    );
  });

  it('a gradient that was not finite before may be passed on, because the attack leaves that image alone', async () => {
    expect(await pullBack((g) => g.map((v) => 2 * v), pixels().fill(Infinity))).toEqual(
      pixels().fill(Infinity),
    );
  });
});

describe('a defense that reads draw.seed', () => {
  const drawing = {
    apply: (p: Float32Array, _shape: unknown, _params: unknown, { seed }: Draw) => p.map(() => seed[0]),
  };
  it('must declare views', async () => {
    await expect(apply(drawing)).rejects.toMatchObject({
      message:
        "defense 'mine' reads draw.seed, but declares no views, so ravelin does not know that it draws random numbers",
      fix: 'declare views: (params) => the number of draws that predictions average over',
    });
  });
  it('gets it if it does', async () => {
    expect(await apply(drawing, 2)).toEqual(pixels().fill(1));
  });
  it('may copy its draw without reading it', async () => {
    expect(
      await apply({
        apply: (p: Float32Array, ...[, , given]: [unknown, unknown, Draw]) =>
          p.map(() => ({ ...given }).draw),
      }),
    ).toEqual(pixels().fill(0));
  });
});
