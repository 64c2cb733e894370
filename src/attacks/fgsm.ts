import type { Classifier } from '../models/classifier.ts';
import { randomStream } from '../tensors/random.ts';
import { type Attack, sliceRows, stepAlong } from './attack.ts';
import { chooseGoal, type Goal, goalGradient, type GoalOptions, startStream } from './goal.ts';
import { type AttackHooks, type AttackInput, allRows, batchesOf, imageSize } from './images.ts';
import { argmaxRows, isFiniteRow } from './query.ts';

export interface FgsmOptions extends GoalOptions {
  /** Radius of the L∞ ball around the original in which the gradient is taken at random; 0 takes it at the original. */
  readonly randomStart: number;
}

/**
 * Fast gradient sign method (Goodfellow, Shlens and Szegedy 2015; Guo et al. 2018, equation 2): x′ = clip(x + ε sign ∇ₓℓ(x, y), 0, 1). The
 * knob is ε ∈ [0, 1]. With a random start u (Wong, Rice and Kolter 2020) the gradient is taken at clip(x + u) and
 * x′ = clip(x + [u + ε sign]₋ε^ε). The direction is computed once, whatever the strength.
 */
export function fgsm(options: FgsmOptions): Attack {
  return {
    search: { guess: 1, maximum: 1, refinements: 60, pilot: 0 },
    prepare: async (classifier, images, hooks) => {
      const goal = await chooseGoal(classifier, images, options, hooks);
      const start = options.randomStart > 0 ? randomStarts(images, options) : null;
      const rows = allRows(images.shape[0]);
      const at = start === null ? images : { ...images, pixels: stepAlong(images, start, rows, ones(rows)) };
      const signs = await gradientSigns(classifier, at, goal, hooks);
      const found = { ...signs, direction: signs.signs };
      if (start === null) return found;
      return {
        ...found,
        evaluate: (some, knobs) => Promise.resolve(stepFrom(images, start, signs.signs, some, knobs)),
      };
    },
  };
}

export interface GradientSigns {
  /** Sign of the gradient of the goal at each pixel: −1, 0 or 1. */
  readonly signs: Int8Array;
  /** Class that the model gives to each image. */
  readonly initial: Int32Array;
  /** 2 where the logits are not finite, 0 elsewhere. */
  readonly settled: Uint8Array;
  /** Images whose gradient is exactly zero everywhere. */
  readonly zeroGradients: number;
}

/** Sign of the gradient of the goal at each image, in batches. */
export async function gradientSigns(
  classifier: Classifier,
  images: AttackInput,
  goal: Goal,
  hooks: AttackHooks,
): Promise<GradientSigns> {
  const rows = images.shape[0];
  const size = imageSize(images.shape);
  const { classes } = classifier;
  const signs = new Int8Array(images.pixels.length);
  const initial = new Int32Array(rows);
  const settled = new Uint8Array(rows);
  let zeroGradients = 0;
  for (const [first, end] of batchesOf(rows, size)) {
    hooks.signal?.throwIfAborted();
    const batch = { ...sliceRows(images, first, end), labels: goal.labels.slice(first, end) };
    const { gradient, logits } = await goalGradient(classifier, batch, goal);
    initial.set(argmaxRows(logits, classes), first);
    for (let row = first; row < end; row++) {
      if (!isFiniteRow(logits, classes, row - first)) {
        settled[row] = 2;
        continue;
      }
      let moved = false;
      for (let index = 0; index < size; index++) {
        const sign = Math.sign(gradient[(row - first) * size + index]!);
        signs[row * size + index] = sign;
        moved ||= sign !== 0;
      }
      if (!moved) zeroGradients++;
    }
    hooks.onProgress?.(end, rows);
  }
  return { signs, initial, settled, zeroGradients };
}

/** A uniform draw from the L∞ ball for each pixel, keyed by the image's id. */
export function randomStarts(
  images: AttackInput,
  { seed, randomStart }: Pick<FgsmOptions, 'seed' | 'randomStart'>,
): Float32Array {
  const size = imageSize(images.shape);
  const start = new Float32Array(images.pixels.length);
  for (const [row, id] of images.ids.entries()) {
    const stream = randomStream(seed, 0, id, startStream);
    for (let at = row * size; at < (row + 1) * size; at++)
      start[at] = randomStart * (2 * stream.uniform() - 1);
  }
  return start;
}

/** clip(x + u + ε s, 0, 1), held to the ball of radius ε. */
function stepFrom(
  images: AttackInput,
  start: Float32Array,
  signs: Int8Array,
  rows: Int32Array,
  epsilons: Float64Array,
): Float32Array {
  const size = imageSize(images.shape);
  const result = new Float32Array(rows.length * size);
  for (const [index, row] of rows.entries()) {
    const epsilon = epsilons[index]!;
    for (let offset = 0; offset < size; offset++) {
      const at = row * size + offset;
      const step = Math.min(epsilon, Math.max(-epsilon, start[at]! + epsilon * signs[at]!));
      result[index * size + offset] = Math.min(1, Math.max(0, images.pixels[at]! + step));
    }
  }
  return result;
}

function ones(rows: Int32Array): Float64Array {
  return new Float64Array(rows.length).fill(1);
}
