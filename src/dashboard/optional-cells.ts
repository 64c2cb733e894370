import type { CellState } from './state.ts';

/** How many cells count as much as the share that the plan expects of those that may not have to be computed. */
const weightOfPlan = 2;

interface Counts {
  decided: number;
  computed: number;
}

/**
 * Cells of which a plan cannot know whether they have to be computed: a second try of a search is equal to the first where that was good enough.
 * The share that the plan expects is the mean of many pipelines; what this run has found of others of the same type counts for more, the more
 * of them are decided. All units of a cell share one fate.
 */
export class OptionalCells {
  readonly #counts = new Map<string, Counts>();

  constructor(cells: Iterable<CellState>) {
    for (const cell of cells) {
      const fate = fateOf(cell);
      if (fate === 'certain' || fate === 'open' || cell.expectedShare === 0) continue;
      const counts = this.#counts.get(cell.uses) ?? { decided: 0, computed: 0 };
      counts.decided++;
      if (fate === 'computed') counts.computed++;
      this.#counts.set(cell.uses, counts);
    }
  }

  /** The share of a cell's open units that will be computed, in [0, 1], as an expectation. */
  shareOf(cell: CellState): number {
    const fate = fateOf(cell);
    if (fate === 'certain' || fate === 'computed') return 1;
    // The plan knows it to be equal to another cell, which is counted instead, whichever of the two comes first.
    if (cell.expectedShare === 0) return 0;
    const { decided, computed } = this.#counts.get(cell.uses) ?? { decided: 0, computed: 0 };
    return (weightOfPlan * cell.expectedShare + computed) / (weightOfPlan + decided);
  }
}

function fateOf({
  expectedShare,
  shards,
  status,
  timings,
}: CellState): 'certain' | 'open' | 'computed' | 'found' {
  if (expectedShare >= 1) return 'certain';
  if (timings.length > 0 || shards.running > 0) return 'computed';
  return status === 'reused' || status === 'finished' ? 'found' : 'open';
}
