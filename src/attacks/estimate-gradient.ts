import type { RandomStream } from '../tensors/random.ts';
import type { Goal } from './goal.ts';
import { type AttackHooks, batchCapacity, type ImageBatch, imageSize, takeRows } from './images.ts';
import { lossValue } from './loss-values.ts';
import { clip } from './projections.ts';
import type { Gradients, Queries } from './queries.ts';

export interface EstimateOptions {
  /** Random directions for each estimate; the loss is queried at both ends of each. */
  readonly samples: number;
  /** How far the ends are from the image, in each pixel or in each standard deviation. */
  readonly delta: number;
  /** Signs of ±1 for each pixel (SPSA), or normal draws (NES). */
  readonly directions: 'signs' | 'normal';
}

/**
 * Estimates the gradient of a goal from its values alone, and queries the logits at the points, in 2 · samples + 1 queries for
 * each: g = mean over v of v · (ℓ(x + δ v) − ℓ(x − δ v)) / 2δ. With signs that is SPSA (Spall 1992; Uesato et al. 2018,
 * "Adversarial risk and the dangers of evaluating against weak attacks", algorithm 1), because 1 / v = v; with normal draws it
 * is NES with antithetic pairs (Ilyas et al. 2018, "Black-box adversarial attacks with limited queries and information",
 * algorithm 1). Both ends are clipped to [0, 1], because nothing else is an image, so that the slope of a pixel at
 * the border counts half. `streams` gives the draws of each image in turn.
 */
export async function estimateGradients(
  queries: Queries,
  points: ImageBatch,
  goal: Pick<Goal, 'loss' | 'sign'>,
  { samples, delta, directions }: EstimateOptions,
  streams: readonly RandomStream[],
  hooks: AttackHooks,
): Promise<Gradients> {
  const rows = points.shape[0];
  const size = imageSize(points.shape);
  const { classes } = queries;
  const logits = await queries.logits(points);
  const sums = new Float64Array(rows * size);
  const pairs = rows * samples;
  const most = Math.max(1, Math.floor(batchCapacity(size, hooks) / 2));
  for (let first = 0; first < pairs; first += most) {
    hooks.signal?.throwIfAborted();
    const count = Math.min(most, pairs - first);
    const owners = Array.from({ length: count }, (_, pair) => Math.floor((first + pair) / samples));
    const drawn = new Float32Array(count * size);
    const ends = takeRows(
      points,
      owners.flatMap((owner) => [owner, owner]),
    );
    for (const [pair, owner] of owners.entries()) {
      const direction = drawn.subarray(pair * size, (pair + 1) * size);
      if (directions === 'normal') streams[owner]!.fillNormal(direction);
      else for (let at = 0; at < size; at++) direction[at] = streams[owner]!.bernoulli(0.5) ? 1 : -1;
      for (let at = 0; at < size; at++) {
        ends.pixels[2 * pair * size + at]! += delta * direction[at]!;
        ends.pixels[(2 * pair + 1) * size + at]! -= delta * direction[at]!;
      }
    }
    clip(ends.pixels, 0, ends.pixels.length);
    const answers = await queries.logits(ends);
    for (const [pair, owner] of owners.entries()) {
      const at = (end: number): number =>
        lossValue(goal.loss, answers, classes, 2 * pair + end, points.labels[owner]!, 0);
      const slope = (goal.sign * (at(0) - at(1))) / (2 * delta * samples);
      // Logits that are not finite say nothing of the slope.
      if (!Number.isFinite(slope)) continue;
      for (let offset = 0; offset < size; offset++)
        sums[owner * size + offset]! += slope * drawn[pair * size + offset]!;
    }
  }
  return { gradient: Float32Array.from(sums), logits };
}
