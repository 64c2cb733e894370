import type { OpenTransform } from '../../../defenses/open-transform.ts';
import { cropAndFlip } from '../../../training/augment.ts';
import type { Augmentation } from '../../../training/batches.ts';
import { toFloats } from '../../../values/slices.ts';

export interface Preparation {
  readonly augment: { readonly crop: number; readonly flip: boolean };
  readonly transform?: OpenTransform | undefined;
  readonly seed: readonly [high: number, low: number];
  readonly signal: AbortSignal;
}

/**
 * Prepares a batch for training: random crops and flips, then one draw of the defense, a fresh one in each
 * epoch (Guo et al. 2018, section 5.3: the transformations are applied to the augmented crop). Draws are
 * keyed by epoch and image id, so an image is prepared the same way in any batch. Returns undefined if there
 * is nothing to do.
 */
export function prepareBatch({ augment, transform, seed, signal }: Preparation): Augmentation | undefined {
  const { crop, flip } = augment;
  const change = crop > 0 || flip ? cropAndFlip(seed, { padding: crop, flip }) : undefined;
  if (transform === undefined || transform.isIdentity) return change;
  const drawSeed = transform.seedFor('training', seed);
  return async (pixels, shape, ids, epoch) => {
    const changed = change === undefined ? pixels : await change(pixels, shape, ids, epoch);
    return toFloats(await transform.apply(changed, shape, { seed: drawSeed, draw: epoch, ids, signal }));
  };
}
