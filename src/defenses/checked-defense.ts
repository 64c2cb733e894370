import {
  areFinite,
  finiteProblem,
  nameOfType,
  type PixelLayout,
  pixelProblem,
  refuse,
} from '../values/array-problems.ts';
import { checksum, leftAlone } from '../values/seal.ts';
import { ValueError, WrittenInputError } from '../values/value-error.ts';
import type { Defense, Draw } from './defense.ts';

/**
 * The same defense, which throws `ValueError` if it breaks a promise: pixels in [0, 1] and gradients that are
 * finite, of the size of the images; arguments that stay as they are; no draw unless it declares its views.
 * `name` is that of the recipe's step.
 */
export function checkDefense<P>(name: string, defense: Defense<P>, isRandomised: boolean): Defense<P> {
  const { apply, pullBack, check } = checkShape(name, defense);
  return {
    apply: async (pixels, shape, params, draw) => {
      const given = isRandomised ? draw : withoutSeed(name, draw);
      const result: unknown = await leftAlone(
        checkWrites([pixels], `defense '${name}' wrote into the pixels that apply was given`),
        () => apply.call(defense, pixels, shape, params, given),
      );
      const layout = layoutOf(shape, draw);
      const problem = pixelProblem(result, layout, 'or-bytes');
      if (problem !== null) {
        // Whoever passes on what is wrong already is not to blame.
        refuse(pixelProblem(pixels, layout, 'floats'), `the pixels that are to go through defense '${name}'`);
        refuse(problem, `the pixels that apply of defense '${name}' returned`);
      }
      return result as Awaited<ReturnType<typeof apply>>;
    },
    ...(pullBack && {
      pullBack: (gradient, input, shape, params, draw) => {
        const given = isRandomised ? draw : withoutSeed(name, draw);
        const check = checkWrites(
          [gradient, input],
          `defense '${name}' wrote into the gradient or the pixels that pullBack was given`,
        );
        const result: unknown = pullBack.call(defense, gradient, input, shape, params, given);
        check();
        // The gradient of a model whose logits overflow is not finite, and the attack leaves that image alone.
        const isPassedOn =
          result instanceof Float32Array && result.length === gradient.length && !areFinite(gradient);
        if (!isPassedOn)
          refuse(
            finiteProblem(result, layoutOf(shape, draw)),
            `the gradients that pullBack of defense '${name}' returned`,
          );
        return result as Float32Array;
      },
    }),
    ...(check && { check: (shape, params) => check.call(defense, shape, params) }),
  };
}

function checkShape<P>(name: string, defense: Defense<P>): Defense<P> {
  // A plugin without types may declare anything.
  const given: unknown = defense;
  const { apply, pullBack } = (given ?? {}) as Partial<Record<keyof Defense<P>, unknown>>;
  const wrong =
    typeof apply !== 'function'
      ? 'apply'
      : typeof pullBack !== 'function' && pullBack !== undefined
        ? 'pullBack'
        : null;
  if (wrong === null) return defense;
  throw new ValueError(
    `${wrong} of defense '${name}' is ${nameOfType(wrong === 'apply' ? apply : pullBack)}, not a function`,
    `declare defense: { apply: (pixels, shape, params, draw) => … }`,
  );
}

/** Returns a check that throws `WrittenInputError` if one of the arrays has changed since. */
function checkWrites(arrays: readonly ArrayBufferView[], message: string): (cause?: unknown) => void {
  const sums = arrays.map(checksum);
  return (cause) => {
    if (arrays.every((array, index) => checksum(array) === sums[index])) return;
    const fix = 'write into a new array, for example that of pixels.slice()';
    throw new WrittenInputError(message, fix, cause);
  };
}

/**
 * The draw of a defense that declares no views. Its seed would be the same for every draw, so an attack that
 * goes through it would not average over draws.
 */
function withoutSeed(name: string, draw: Draw): Draw {
  return Object.defineProperty({ ...draw }, 'seed', {
    // Not enumerable, so that a copy of the draw does not read it.
    enumerable: false,
    get: () => {
      throw new ValueError(
        `defense '${name}' reads draw.seed, but declares no views, so ravelin does not know that it draws random numbers`,
        'declare views: (params) => the number of draws that predictions average over',
      );
    },
  });
}

function layoutOf(shape: PixelLayout['shape'], { ids }: Draw): PixelLayout {
  return { shape, ids };
}
