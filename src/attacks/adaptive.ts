import type { Classifier } from '../models/classifier.ts';
import { type Attack, sliceRows } from './attack.ts';
import { pixelSpace, referenceNorms } from './dissimilarity.ts';
import { gradientSigns } from './fgsm.ts';
import { chooseGoal, type Goal, goalGradient, type GoalOptions } from './goal.ts';
import { type AttackHooks, type AttackInput, batchesOf, imageSize, takeRows } from './images.ts';

export interface AdaptiveOptions extends GoalOptions {
  /** 1,000 in the paper. */
  readonly steps: number;
  /** L2 length of a step, in units of [0, 1] pixels; 0.1 in the paper. */
  readonly learningRate: number;
}

/**
 * Gradient ascent in an L2 ball of its own for each image, for an attacker who knows the defense (Athalye, Carlini and Wagner 2018, section
 * 5.3.2: BPDA and EOT against the input transformations of Guo et al. 2018, with the normalised L2 distance bounded by 0.05). The knob d is
 * that bound: x⁽⁰⁾ = x, then x⁽ᵐ⁾ = clip(P(x⁽ᵐ⁻¹⁾ + η g / ‖g‖₂), 0, 1), P projecting onto ‖x′ − x‖₂ ≤ d ‖x‖₂. Going along the unit gradient makes the
 * step independent of the scale of the loss. A gradient of exactly zero does not move its image.
 */
export function adaptiveAscent(options: AdaptiveOptions): Attack {
  return {
    search: { guess: 1, maximum: 1, refinements: 0, pilot: 0 },
    prepare: async (classifier, images, hooks) => {
      const goal = await chooseGoal(classifier, images, options, hooks);
      const quiet = { ...hooks, onProgress: () => {} };
      const { signs, ...found } = await gradientSigns(classifier, images, goal, quiet);
      return {
        ...found,
        direction: signs,
        evaluate: (rows, knobs) => {
          const labels = Int32Array.from(rows, (row) => goal.labels[row]!);
          return ascend(classifier, takeRows(images, rows), { ...goal, labels }, knobs, options, hooks);
        },
      };
    },
  };
}

/** All steps of all images, in batches. */
async function ascend(
  classifier: Classifier,
  images: AttackInput,
  goal: Goal,
  bounds: Float64Array,
  { steps, learningRate }: AdaptiveOptions,
  hooks: AttackHooks,
): Promise<Float32Array> {
  const size = imageSize(images.shape);
  const rows = images.shape[0];
  const radii = referenceNorms(images, pixelSpace).map((norm, row) => norm * bounds[row]!);
  const result = images.pixels.slice();
  for (const [first, end] of batchesOf(rows, size)) {
    const originals = sliceRows(images, first, end);
    const pixels = result.subarray(first * size, end * size);
    const labels = goal.labels.slice(first, end);
    for (let step = 0; step < steps; step++) {
      hooks.signal?.throwIfAborted();
      // A copy, because the classifier may keep what it is given.
      const batch = { ...originals, pixels: pixels.slice(), labels };
      const { gradient } = await goalGradient(classifier, batch, goal);
      for (let row = 0; row < end - first; row++) {
        const [from, to] = [row * size, (row + 1) * size];
        moveWithin(
          originals.pixels.subarray(from, to),
          pixels.subarray(from, to),
          gradient.subarray(from, to),
          learningRate,
          radii[first + row]!,
        );
      }
      hooks.onProgress?.(first + Math.floor(((end - first) * (step + 1)) / steps), rows);
    }
  }
  return result;
}

/** One step of one image in place. Clipping comes last: it moves no pixel away from the original, so that the ball still holds it. */
function moveWithin(
  original: Float32Array,
  pixels: Float32Array,
  gradient: Float32Array,
  length: number,
  radius: number,
): void {
  const norm = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
  if (norm === 0) return;
  const change = new Float64Array(pixels.length);
  let squares = 0;
  for (let at = 0; at < change.length; at++) {
    change[at] = pixels[at]! - original[at]! + (length * gradient[at]!) / norm;
    squares += change[at]! ** 2;
  }
  const scale = Math.min(1, radius / Math.sqrt(squares));
  for (let at = 0; at < change.length; at++) {
    pixels[at] = Math.min(1, Math.max(0, original[at]! + scale * change[at]!));
  }
}
