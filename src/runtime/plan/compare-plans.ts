import type { Plan } from './plan.ts';

export interface PlanDifference {
  /** Shards whose results the first plan finds and the second computes. */
  readonly lost: number;
  /** Shards for which the second plan finds another result than the first one does. */
  readonly replaced: number;
}

/**
 * Compares two plans of the same cells, made for two backends. As in every plan, a shard that waits for an
 * input counts as computed, although its input may turn out to be the same bytes.
 */
export function comparePlans(before: Plan, after: Plan): PlanDifference {
  let lost = 0;
  let replaced = 0;
  before.cells.forEach((cell, index) => {
    cell?.units.forEach((unit, shard) => {
      if (unit.state !== 'reuse') return;
      // A cell whose images cannot be counted yet has fewer units than it will have.
      const other = after.cells[index]?.units[shard];
      if (other?.state !== 'reuse') lost++;
      else if (other.key !== unit.key) replaced++;
    });
  });
  return { lost, replaced };
}
