import { childSeed, type Seed } from '../tensors/random.ts';
import { toFloats } from '../values/slices.ts';
import type { Transform, TransformStep } from '../values/transform.ts';
import { checkDefense } from './checked-defense.ts';
import type { Defense, DefenseLibrary, DefenseProblem, Draw, Pixels, PixelShape } from './defense.ts';

/** A recipe whose steps are loaded and ready to apply. */
export interface OpenTransform {
  /** Whether it has no steps. */
  readonly isIdentity: boolean;
  /** Number of views of each image: 1 unless the recipe is randomised. */
  readonly views: number;
  /** Whether `apply` depends on its draw. */
  readonly isRandomised: boolean;
  /** Whether a step has a derivative of its own; otherwise `pullBack` returns its argument. */
  readonly hasDerivative: boolean;
  /** Returns why images of this shape cannot be transformed; null if they can. */
  readonly check: (shape: PixelShape) => DefenseProblem | null;
  /**
   * Applies the steps in order, with one draw for each row of `[rows, height, width, channels]` pixels in [0,
   * 1] (a byte stands for value / 255). Keeps the shape; the identity returns its argument.
   */
  readonly apply: (pixels: Pixels, shape: PixelShape, draw: Draw) => Promise<Pixels>;
  /** Like `apply`, and returns the backward pass too. */
  readonly applyWithPullBack: (
    pixels: Float32Array,
    shape: PixelShape,
    draw: Draw,
  ) => Promise<TransformedView>;
  /** Seed of the draws of the defense itself, so that its images and its recipe agree. */
  readonly evaluationSeed: Seed;
  /**
   * Seed for draws of an attacker, who does not know the defender's draws, or of a training. It depends on the
   * recipe and on the seed of the stage that draws, so that an attack under another seed draws afresh.
   */
  readonly seedFor: (purpose: 'attack' | 'training', own: Seed) => Seed;
}

export interface TransformedView {
  /** The transformed pixels, as `apply` returns them. */
  readonly pixels: Float32Array;
  /**
   * Gradient with respect to the images, from the gradient of a loss with respect to `pixels`. There may be k
   * gradients per image, in k consecutive rows.
   */
  readonly pullBack: (gradient: Float32Array) => Float32Array;
}

/**
 * A step with its implementation. Its parameters were checked against the schema of the stage that made it.
 */
interface OpenStep {
  readonly params: never;
  readonly defense: Defense<never>;
  /** Null for a step that draws nothing. */
  readonly views: number | null;
}

/**
 * Loads the steps of a recipe. Throws `RangeError` if the library does not have a step. What the steps return
 * is checked, whoever applies them (`checked-defense.ts`).
 */
export async function openTransform(
  { steps, seed }: Transform,
  library: DefenseLibrary,
): Promise<OpenTransform> {
  const opened = await Promise.all(steps.map((step) => openStep(step, library)));
  const isRandomised = opened.some(({ views }) => views !== null);
  return {
    isIdentity: steps.length === 0,
    views: opened.reduce((product, { views }) => product * (views ?? 1), 1),
    isRandomised,
    hasDerivative: opened.some(({ defense }) => defense.pullBack !== undefined),
    check: (shape) =>
      opened.reduce<DefenseProblem | null>(
        (problem, { defense, params }) => problem ?? defense.check?.(shape, params) ?? null,
        null,
      ),
    apply: async (pixels, shape, draw) => {
      let current = pixels;
      for (const { defense, params } of opened)
        current = await defense.apply(toFloats(current), shape, params, draw);
      return current;
    },
    applyWithPullBack: async (pixels, shape, draw) => {
      let current = pixels;
      const inputs: Float32Array[] = [];
      for (const { defense, params } of opened) {
        inputs.push(current);
        current = toFloats(await defense.apply(current, shape, params, draw));
      }
      const pullBack = (gradient: Float32Array): Float32Array =>
        opened.reduceRight(
          (slope, step, index) => pullBackStep(step, slope, inputs[index]!, shape, draw),
          gradient,
        );
      return { pixels: current, pullBack };
    },
    evaluationSeed: seed ?? [0, 0],
    seedFor: (purpose, own) => childSeed(seed ?? [0, 0], purpose === 'attack' ? 1 : 2, ...own),
  };
}

async function openStep(
  { name, params, patches }: TransformStep,
  library: DefenseLibrary,
): Promise<OpenStep> {
  const declaration = library(name);
  if (declaration === undefined) throw new RangeError(`unknown defense '${name}' in a recipe`);
  const all = (patches === undefined ? params : { ...params, patches }) as never;
  const views = declaration.views(all);
  return { params: all, defense: checkDefense(name, await declaration.load(), views !== null), views };
}

function pullBackStep(
  { defense, params }: OpenStep,
  gradient: Float32Array,
  input: Float32Array,
  shape: PixelShape,
  draw: Draw,
): Float32Array {
  if (defense.pullBack === undefined) return gradient;
  const copies = gradient.length / input.length;
  if (copies === 1) return defense.pullBack(gradient, input, shape, params, draw);
  // Pulls back the k-th gradients of all images together, so that a defense sees one gradient per image.
  const size = input.length / shape[0];
  const result = new Float32Array(gradient.length);
  const some = new Float32Array(input.length);
  for (let copy = 0; copy < copies; copy++) {
    for (let row = 0; row < shape[0]; row++) {
      const from = (row * copies + copy) * size;
      some.set(gradient.subarray(from, from + size), row * size);
    }
    const pulled = defense.pullBack(some, input, shape, params, draw);
    for (let row = 0; row < shape[0]; row++) {
      result.set(pulled.subarray(row * size, (row + 1) * size), (row * copies + copy) * size);
    }
  }
  return result;
}
