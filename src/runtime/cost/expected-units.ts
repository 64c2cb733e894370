import type { ForeseenCell } from '../events.ts';
import type { Plan, PlannedCell } from '../plan/plan.ts';
import type { CellWork } from './cell-work.ts';

/** By index of the cell; null for cells outside the selection. */
export function foreseeCells(
  { cells }: Pick<Plan, 'cells'>,
  works: readonly (CellWork | null)[],
): readonly (ForeseenCell | null)[] {
  const seen = new Set<string>();
  return cells.map((planned, index) => {
    const cellWork = works[index];
    if (planned === null || !cellWork) return null;
    const { identity, work } = cellWork;
    const isFirst = !seen.has(identity);
    seen.add(identity);
    return { work, expected: isFirst ? expectedUnits(planned) : 0 };
  });
}

function expectedUnits({ cell, sharded, units }: PlannedCell): number {
  const { computedBefore = 0, expectedShare = 1 } = cell;
  const isNeeded = (unit: PlannedCell['units'][number]): boolean => {
    const isWhole = !sharded || unit.count === 0;
    return unit.state !== 'reuse' && (isWhole || unit.first + unit.count > computedBefore);
  };
  return units.filter(isNeeded).length * expectedShare;
}
