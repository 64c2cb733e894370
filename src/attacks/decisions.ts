import { argmaxRows } from '../metrics/classification.ts';
import { batchesOf, imageSize, takeRows } from './images.ts';
import { type Goal, reachesGoal } from './goal.ts';
import { isFiniteRow } from './logits.ts';
import type { AttackProblem } from './originals.ts';

/**
 * Whether each of some points reaches the goal, which is all that a decision-based attack learns: is misclassified, or
 * classified as its target. `rows` are those of the originals to which the points belong, and may repeat. 1 for a point that
 * does; one whose logits are not finite does not.
 */
export async function decideFor(
  { images, queries, hooks }: Pick<AttackProblem, 'images' | 'queries' | 'hooks'>,
  goal: Pick<Goal, 'labels' | 'sign'>,
  rows: readonly number[],
  points: readonly Float32Array[],
): Promise<Uint8Array> {
  const decisions = new Uint8Array(points.length);
  const size = imageSize(images.shape);
  for (const [first, end] of batchesOf(points.length, size, hooks)) {
    const batch = takeRows(images, rows.slice(first, end));
    for (let index = first; index < end; index++) batch.pixels.set(points[index]!, (index - first) * size);
    const logits = await queries.logits(batch);
    argmaxRows(logits, queries.classes).forEach((predicted, position) => {
      const isReached =
        reachesGoal(goal, predicted, goal.labels[rows[first + position]!]!) &&
        isFiniteRow(logits, queries.classes, position);
      decisions[first + position] = isReached ? 1 : 0;
    });
  }
  return decisions;
}
