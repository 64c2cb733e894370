import type { PlannedCell } from '../plan/plan.ts';

/**
 * How long the units of each cell take, from those that have run, so that quick ones can go before slow ones.
 */
export interface Durations {
  readonly observe: (planned: PlannedCell, seconds: number) => void;
  /** 0 if a unit takes two seconds at most, or nothing is known; 1 more for each factor of four, up to 7. */
  readonly classOf: (planned: PlannedCell) => number;
}

interface Total {
  seconds: number;
  units: number;
}

/** A cell of which nothing has run is assumed to take as long as the others of its stage. */
export function createDurations(): Durations {
  const cells = new Map<number, Total>();
  const stages = new Map<string, Total>();
  return {
    observe(planned, seconds) {
      add(cells, planned.index, seconds);
      add(stages, planned.cell.stage, seconds);
    },
    classOf(planned) {
      const total = cells.get(planned.index) ?? stages.get(planned.cell.stage);
      if (total === undefined) return 0;
      const mean = total.seconds / total.units;
      return mean <= 2 ? 0 : Math.min(7, Math.ceil(Math.log2(mean / 2) / 2));
    },
  };
}

function add<Key>(totals: Map<Key, Total>, key: Key, seconds: number): void {
  const total = totals.get(key) ?? { seconds: 0, units: 0 };
  total.seconds += seconds;
  total.units++;
  totals.set(key, total);
}
