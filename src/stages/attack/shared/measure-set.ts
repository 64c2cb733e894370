import { meanOf, perturbationNorms, ratios } from '../../../attacks/dissimilarity.ts';
import { requireReferences } from '../../../attacks/target-strength.ts';
import type { Streamed } from '../../../runtime/stage.ts';
import type { Images } from '../../../values/images.ts';
import type { Preprocessing } from '../../../values/model.ts';
import { toFloats } from '../../../values/slices.ts';
import { batchOf, inStep } from './stream-set.ts';

/** The mean dissimilarity over images, with half of its 95 % interval (normal approximation). */
export function measureSet(
  originals: Streamed<Images>,
  adversarial: Streamed<Images>,
  space: Preprocessing,
  limit = Infinity,
): { readonly mean: number; readonly halfWidth: number; readonly count: number } {
  const all: number[] = [];
  for (const [images, moved] of inStep<[Images, Images]>([originals, adversarial], limit)) {
    const batch = batchOf(images);
    const norms = perturbationNorms(batch, toFloats(moved.pixels), space);
    for (const ratio of ratios(norms, requireReferences(batch, space))) all.push(ratio);
  }
  const values = Float64Array.from(all);
  const mean = meanOf(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const count = values.length;
  const halfWidth = count < 2 ? 0 : 1.96 * Math.sqrt(squares / (count - 1) / count);
  return { mean, halfWidth, count };
}
