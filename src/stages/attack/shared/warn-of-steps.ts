import type { AttackResult } from '../../../attacks/attack-images.ts';
import { allRows, batchesOf, type ImageBatch, imageSize, takeRows } from '../../../attacks/images.ts';
import type { Queries } from '../../../attacks/queries.ts';
import { argmaxRows } from '../../../metrics/classification.ts';
import type { StageContext } from '../../../runtime/stage.ts';

/**
 * Warns of an attack that ran out of steps at most images, if their classes are the same after the last step, which the attack
 * does not look at. The passes for that are not the attack's, so nothing counts or limits them.
 */
export async function warnOfSteps(
  { warn, batchSizes }: Pick<StageContext<unknown, unknown>, 'warn' | 'batchSizes'>,
  queries: Queries,
  batch: ImageBatch,
  { pixels, states, initial, outOfSteps = 0 }: AttackResult,
): Promise<void> {
  const active = allRows(states.length).filter((row) => states[row] === 'active');
  if (outOfSteps <= active.length / 2) return;
  const perturbed = { ...batch, pixels };
  let unchanged = 0;
  for (const [first, end] of batchesOf(active.length, imageSize(batch.shape), { batchSizes })) {
    const some = active.subarray(first, end);
    const classes = argmaxRows(await queries.logits(takeRows(perturbed, some)), queries.classes);
    unchanged += some.filter((row, place) => classes[place] === initial[row]).length;
  }
  if (unchanged <= active.length / 2) return;
  warn(
    `the attack took all of its steps, and ${unchanged} of ${active.length} images have the same class as before, so the accuracy says little about robustness. Give more steps.`,
  );
}
