import { batchesOf, imageSize, takeRows } from './images.ts';
import { misclassifiedRows } from './logits.ts';
import type { AttackProblem } from './originals.ts';

/**
 * Whether each of some points is misclassified, which is all that a decision-based attack learns; `rows` are those of the
 * originals to which the points belong, and may repeat. 1 for a misclassified point; one whose logits are not finite is none.
 */
export async function decideFor(
  { images, queries, hooks }: Pick<AttackProblem, 'images' | 'queries' | 'hooks'>,
  rows: readonly number[],
  points: readonly Float32Array[],
): Promise<Uint8Array> {
  const decisions = new Uint8Array(points.length);
  const size = imageSize(images.shape);
  for (const [first, end] of batchesOf(points.length, size, hooks)) {
    const batch = takeRows(images, rows.slice(first, end));
    for (let index = first; index < end; index++) batch.pixels.set(points[index]!, (index - first) * size);
    const logits = await queries.logits(batch);
    misclassifiedRows(logits, batch.labels, queries.classes).forEach((isMisclassified, position) => {
      decisions[first + position] = isMisclassified ? 1 : 0;
    });
  }
  return decisions;
}
