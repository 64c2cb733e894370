import type { OpenTransform } from '../../../defenses/open-transform.ts';
import { cropAndFlip } from '../../../training/augment.ts';
import type { Augmentation } from '../../../training/batches.ts';
import type { Seed } from '../../../tensors/random.ts';
import { resizedCrop } from '../../../training/resized-crop.ts';
import { toFloats } from '../../../values/slices.ts';
import type { AugmentParameters } from './parameters.ts';

export interface Preparation {
  readonly augment: AugmentParameters;
  readonly transform?: OpenTransform | undefined;
  readonly seed: Seed;
  readonly signal: AbortSignal;
}

/**
 * Prepares a batch for training: random crops and flips, then one draw of the defense, a fresh one in each
 * epoch (Guo et al. 2018, section 5.3: the transformations are applied to the augmented crop). Draws are
 * keyed by epoch and image id, so an image is prepared the same way in any batch. Returns undefined if there
 * is nothing to do.
 */
export function prepareBatch({ augment, transform, seed, signal }: Preparation): Augmentation | undefined {
  const change = augmentation(augment, seed);
  const draw = drawEachEpoch(transform, seed, signal);
  if (change === undefined || draw === undefined) return change ?? draw;
  return async (pixels, shape, ids, epoch) =>
    draw(await change(pixels, shape, ids, epoch), shape, ids, epoch);
}

function augmentation(
  { crop, flip, resizedCrop: part }: AugmentParameters,
  seed: Seed,
): Augmentation | undefined {
  if (part !== undefined) {
    const { scale, ratio } = part;
    return resizedCrop(seed, { scale: [scale[0]!, scale[1]!], ratio: [ratio[0]!, ratio[1]!], flip });
  }
  return crop > 0 || flip ? cropAndFlip(seed, { padding: crop, flip }) : undefined;
}

/** One draw of the defense for each image, a fresh one in each epoch; undefined if there is nothing to do. */
export function drawEachEpoch(
  transform: OpenTransform | undefined,
  seed: Seed,
  signal: AbortSignal,
): Augmentation | undefined {
  if (transform === undefined || transform.isIdentity) return undefined;
  const drawSeed = transform.seedFor('training', seed);
  return async (pixels, shape, ids, epoch) =>
    toFloats(await transform.apply(pixels, shape, { seed: drawSeed, draw: epoch, ids, signal }));
}
