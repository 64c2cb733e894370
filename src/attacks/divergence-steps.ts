import { randomStream, type Seed } from '../tensors/random.ts';
import { softmaxRows } from '../metrics/classification.ts';
import { startStream } from './goal.ts';
import { type AttackHooks, batchesOf, type ImageBatch, imageSize, sliceRows } from './images.ts';
import { clip, type Norm, project } from './projections.ts';
import type { Queries } from './queries.ts';
import { sign, unitL2 } from './step-rules.ts';

export interface DivergenceSteps {
  readonly norm: Norm;
  /** Radius of the ball around each image. */
  readonly radius: number;
  readonly steps: number;
  /** Length of a step in the norm. */
  readonly stepSize: number;
  readonly seed: Seed;
}

/** Standard deviation of the start, at which the divergence has a gradient; at the image itself it is 0. */
const startDeviation = 0.001;

/**
 * Moves each image x so that its class probabilities become others, whatever its label: ascends
 * KL(f(x) ‖ f(x′)) from x + 0.001 · N(0, 1), by steps along the sign of the gradient (L∞) or along the unit
 * gradient (L2), projected onto the ball and clipped to [0, 1] (TRADES, Zhang et al. 2019, algorithm 1). The
 * gradient with respect to the logits of x′ is softmax(z′) − f(x). Returns the pixels of all images.
 */
export async function divergenceSteps(
  queries: Queries,
  images: ImageBatch,
  { norm, radius, steps, stepSize, seed }: DivergenceSteps,
  hooks: AttackHooks = {},
): Promise<Float32Array> {
  const size = imageSize(images.shape);
  const { classes } = queries;
  const result = images.pixels.slice();
  const rule = (norm === 'linf' ? sign : unitL2)(size);
  for (const [row, id] of images.ids.entries()) {
    const noise = new Float32Array(size);
    randomStream(seed, 0, id, startStream).fillNormal(noise);
    for (let at = 0; at < size; at++) result[row * size + at]! += startDeviation * noise[at]!;
  }
  clip(result, 0, result.length);
  for (const [first, end] of batchesOf(images.shape[0], size, hooks)) {
    const originals = sliceRows(images, first, end);
    const probabilities = softmaxRows(await queries.logits(originals), classes);
    const current = result.subarray(first * size, end * size);
    for (let step = 0; step < steps; step++) {
      hooks.signal?.throwIfAborted();
      const batch = { ...originals, pixels: current };
      const slopes = softmaxRows(await queries.logits(batch), classes);
      for (let at = 0; at < slopes.length; at++) slopes[at]! -= probabilities[at]!;
      const { gradient } = await queries.vectorJacobianProduct(batch, slopes);
      for (let row = 0; row < end - first; row++) {
        const at = row * size;
        const direction = gradient.subarray(at, at + size);
        rule(direction);
        for (let offset = 0; offset < size; offset++) current[at + offset]! += stepSize * direction[offset]!;
        project(images.pixels, (first + row) * size, current, at, size, radius, norm);
      }
      clip(current, 0, current.length);
    }
  }
  return result;
}
