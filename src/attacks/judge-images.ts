import { type AttackHooks, batchesOf, type ImageBatch, imageSize, sliceRows } from './images.ts';
import { marginOf, misclassifiedRows } from './logits.ts';
import type { Queries } from './queries.ts';

/** How images do at their labels; arrays are `[n]`. */
export interface Judgement {
  /** Share of the draws in which an image is classified as its label; 0 or 1 without draws. */
  readonly rightShares: Float64Array;
  /** Mean of max_{k≠y} Z_k − Z_y over the draws. */
  readonly margins: Float64Array;
}

/**
 * Classifies images: once, or on `draws` fresh draws if the classifier draws. Logits that are not finite count as
 * right, because they are not a success of the attack.
 */
export async function judgeImages(
  queries: Queries,
  images: ImageBatch,
  draws: number,
  hooks: AttackHooks,
): Promise<Judgement> {
  const { classes } = queries;
  const count = images.shape[0];
  const rounds = queries.drawLogits === undefined ? 1 : draws;
  const ask = queries.drawLogits ?? queries.logits;
  const rightShares = new Float64Array(count);
  const margins = new Float64Array(count);
  for (let round = 0; round < rounds; round++) {
    for (const [first, end] of batchesOf(count, imageSize(images.shape), hooks)) {
      const batch = sliceRows(images, first, end);
      const logits = await ask(batch);
      misclassifiedRows(logits, batch.labels, classes).forEach((isWrong, position) => {
        rightShares[first + position]! += isWrong ? 0 : 1 / rounds;
        margins[first + position]! += marginOf(logits, classes, position, batch.labels[position]!) / rounds;
      });
    }
  }
  // Sums of 1 / rounds may exceed 1 by their rounding.
  return { rightShares: rightShares.map((share) => Math.min(1, share)), margins };
}
