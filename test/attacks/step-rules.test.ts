import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { gradientSteps } from '../../src/attacks/gradient-steps.ts';
import { allRows } from '../../src/attacks/images.ts';
import { momentumFgsm } from '../../src/attacks/mi-fgsm.ts';
import { nesterov } from '../../src/attacks/nesterov.ts';
import { openProblem } from '../../src/attacks/originals.ts';
import type { Queries } from '../../src/attacks/queries.ts';
import { adam, momentum, sign, type StepRule, unitL2 } from '../../src/attacks/step-rules.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { attackImages } from './attack-classifier.ts';
import { linearModel, randomImages, randomLinearModel } from './linear-classifier.ts';
import { plainFgsm, plainGoal } from './plain-attacks.ts';

/** The steps that a rule makes of the gradients of one image. */
function stepsOf(rule: StepRule, gradients: readonly (readonly number[])[]): number[][] {
  const step = rule(gradients[0]!.length);
  return gradients.map((gradient) => {
    const values = Float32Array.from(gradient);
    step(values);
    return [...values];
  });
}

/** Leaves the gradient as it is, so that what a rule hands on can be read. */
const asIs: StepRule = () => () => undefined;

const gradients = fc
  .integer({ min: 1, max: 6 })
  .chain((size) =>
    fc.array(
      fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: size, maxLength: size }),
      { minLength: 1, maxLength: 6 },
    ),
  );

describe('sign', () => {
  it('keeps only the signs, and leaves zeros alone', () => {
    expect(stepsOf(sign, [[-3, 0, 1e-30, 7]])).toEqual([[-1, 0, 1, 1]]);
  });
});

describe('unitL2', () => {
  it('divides by the Euclidean norm', () => {
    const [step] = stepsOf(unitL2, [[3, 0, -4]]);
    expect(step![0]).toBeCloseTo(0.6, 6);
    expect(step![1]).toBe(0);
    expect(step![2]).toBeCloseTo(-0.8, 6);
  });

  it('leaves a gradient of zeros alone', () => {
    expect(stepsOf(unitL2, [[0, 0]])).toEqual([[0, 0]]);
  });
});

describe('momentum', () => {
  it('adds each gradient over its L1 norm to the decayed sum of the earlier ones', () => {
    // Norms 4, 2, 5: m₁ = (1/4, −3/4), m₂ = m₁/2 + (1, 0), m₃ = m₂/2 + (2/5, 3/5).
    expect(
      stepsOf(momentum(0.5, asIs), [
        [1, -3],
        [2, 0],
        [2, 3],
      ]),
    ).toEqual([
      [0.25, -0.75],
      [1.125, -0.375],
      [expect.closeTo(0.9625, 6) as number, expect.closeTo(0.4125, 6) as number],
    ]);
  });

  it('makes signs of the sum where no other rule is given', () => {
    expect(
      stepsOf(momentum(1), [
        [1, -3],
        [-1, 1],
      ]),
    ).toEqual([
      [1, -1],
      [-1, -1],
    ]);
  });

  it('without decay is the rule behind it', () => {
    fc.assert(
      fc.property(gradients, (steps) => {
        // Smaller values vanish in float32 when they are divided by the norm.
        const large = steps.map((step) => step.map((value) => (Math.abs(value) < 1e-6 ? 0 : value)));
        expect(stepsOf(momentum(0), large)).toEqual(stepsOf(sign, large));
      }),
    );
  });

  it('goes on in its direction through gradients of zeros', () => {
    expect(
      stepsOf(momentum(1), [
        [2, -1],
        [0, 0],
      ]),
    ).toEqual([
      [1, -1],
      [1, -1],
    ]);
  });

  it('remembers nothing of another image', () => {
    const rule = momentum(1, asIs);
    const first = rule(1);
    first(Float32Array.of(5));
    const second = rule(1);
    const gradient = Float32Array.of(-5);
    second(gradient);
    expect([...gradient]).toEqual([-1]);
  });
});

describe('adam', () => {
  it('makes the first step of every gradient a sign', () => {
    fc.assert(
      fc.property(gradients, ([gradient]) => {
        const [step] = stepsOf(adam(), [gradient!]);
        for (const [at, value] of gradient!.entries())
          if (Math.abs(value) > 1e-3) expect(step![at]).toBeCloseTo(Math.sign(value), 4);
      }),
    );
  });

  it('divides the corrected mean by the root of the corrected mean of squares', () => {
    const [, second] = stepsOf(adam({ beta1: 0.5, beta2: 0.75, floor: 0 }), [[1], [-2]]);
    // m₂ = 0.5·0.5 − 0.5·2 = −0.75 over 1 − 0.25; v₂ = 0.75·0.25 + 0.25·4 = 1.1875 over 1 − 0.5625.
    expect(second![0]).toBeCloseTo(-0.75 / 0.75 / Math.sqrt(1.1875 / 0.4375), 6);
  });

  it('is zero where all gradients are', () => {
    expect(
      stepsOf(adam(), [
        [0, 1],
        [0, 1],
      ]).map(([value]) => value),
    ).toEqual([0, 0]);
  });
});

describe('MI-FGSM', () => {
  beforeAll(async () => {
    await openBackend('wasm');
  });

  it('of one step is FGSM', async () => {
    const { classifier } = randomLinearModel([4, 4, 1], 3);
    const images = randomImages(10, [4, 4, 1], 3);
    const once = await attackImages(plainFgsm, classifier, images, 0.1);
    const many = await attackImages(
      momentumFgsm({ ...plainGoal, decay: 1, steps: 1 }),
      classifier,
      images,
      0.1,
    );
    for (const [at, value] of many.pixels.entries()) expect(value).toBeCloseTo(once.pixels[at]!, 6);
  });

  it('reaches the corner of its ball on a linear model of two classes, whose gradients keep their signs', async () => {
    const weights = Float32Array.of(1, -1, -2, 2, 0.5, -0.5, -1, 1);
    const { classifier } = linearModel([2, 2, 1], 2, weights);
    const images = randomImages(6, [2, 2, 1], 2, { margin: 0.2 });
    const { pixels } = await attackImages(
      momentumFgsm({ ...plainGoal, decay: 1, steps: 7 }),
      classifier,
      images,
      0.1,
    );
    for (const [row, label] of images.labels.entries())
      for (let at = 0; at < 4; at++) {
        const away = (label === 0 ? -1 : 1) * Math.sign(weights[at * 2]!);
        expect(pixels[row * 4 + at]).toBeCloseTo(images.pixels[row * 4 + at]! + 0.1 * away, 6);
      }
  });
});

describe('nesterov', () => {
  it('takes the gradient where the momentum leads, as Lin et al. write it', async () => {
    // The loss is Σ sin(7x + i) of the pixels, so that its gradient differs from point to point.
    const slope = (x: number, at: number): number => Math.fround(7 * Math.cos(7 * x + at));
    const queries = {
      classes: 2,
      gradient: ({ pixels, shape }) =>
        Promise.resolve({
          gradient: pixels.map((x, at) => slope(x, at % 4)),
          logits: new Float32Array(2 * shape[0]),
        }),
    } as Pick<Queries, 'classes' | 'gradient'> as Queries;
    const images = {
      pixels: Float32Array.of(0.3, 0.5, 0.7, 0.4, 0.6, 0.2, 0.35, 0.8),
      shape: [2, 2, 2, 1],
      labels: Int32Array.of(0, 1),
      ids: Int32Array.of(0, 1),
    } as const;
    const [decay, steps, radii] = [0.9, 5, Float64Array.of(0.1, 0.25)];
    const moved = await gradientSteps(openProblem(queries, images), {
      goal: { loss: 'cross-entropy', rounded: false, labels: images.labels, sign: 1 },
      rows: allRows(2),
      rule: nesterov(decay),
      stepSizes: radii.map((radius) => radius / steps),
      ball: { norm: 'linf', radii },
      steps,
    });
    const expected = [0, 1].flatMap((row) => {
      const alpha = radii[row]! / steps;
      const start = [...images.pixels.subarray(4 * row, 4 * row + 4)];
      let [x, m] = [start, start.map(() => 0)];
      for (let step = 0; step < steps; step++) {
        const g = x.map((value, at) => slope(value + alpha * decay * m[at]!, at));
        const norm = g.reduce((sum, value) => sum + Math.abs(value), 0);
        m = m.map((value, at) => decay * value + g[at]! / norm);
        x = x.map((value, at) => Math.min(1, Math.max(0, value + alpha * Math.sign(m[at]!))));
      }
      return x;
    });
    for (const [at, value] of moved.entries()) expect(value).toBeCloseTo(expected[at]!, 5);
    // Without the look-ahead the same loss is climbed elsewhere.
    const plain = await gradientSteps(openProblem(queries, images), {
      goal: { loss: 'cross-entropy', rounded: false, labels: images.labels, sign: 1 },
      rows: allRows(2),
      rule: momentum(decay),
      stepSizes: radii.map((radius) => radius / steps),
      steps,
    });
    expect(plain).not.toEqual(moved);
  });
});

describe('nesterov as in the authors’ code', () => {
  it('looks ahead by the sum over mean absolute values, with the same steps', () => {
    const [sum, mean] = [nesterov(0.5)(4), nesterov(0.5, undefined, { scale: 'mean' })(4)];
    for (const gradient of [
      [1, -2, 3, 0],
      [-4, 1, 1, 2],
    ]) {
      const [one, other] = [Float32Array.from(gradient), Float32Array.from(gradient)];
      sum(one);
      mean(other);
      expect(other).toEqual(one);
      for (const [at, value] of mean.lookAhead!.entries())
        expect(value).toBeCloseTo(4 * sum.lookAhead![at]!, 6);
    }
  });
});
