import { type Bounded, differenceInterval } from '../metrics/difference-interval.ts';
import type { Interval } from '../metrics/wilson.ts';
import { explainDifference } from '../runtime/plan/explain-difference.ts';
import type { MetricValue, RunCell, ScoreRow } from './run-results.ts';

/** One number of a row in two runs. */
export interface ScoreDifference {
  readonly row: string;
  readonly name: string;
  readonly before: number | null;
  readonly after: number | null;
  /** Whether accuracy is among the numbers of the row, whether it differs or not. */
  readonly hasAccuracy: boolean;
  /** The 95 % intervals of the two numbers and of their difference; null without them. */
  readonly intervals: {
    readonly before: Interval;
    readonly after: Interval;
    readonly difference: Interval;
  } | null;
}

export interface RunDifference {
  readonly before: string;
  readonly after: string;
  /** Cells that only one of the runs has. */
  readonly removed: readonly string[];
  readonly added: readonly string[];
  /** Cells with different recipes, grouped by the difference: `with.bits 3 → 4`. */
  readonly changed: readonly { readonly because: string; readonly cells: readonly string[] }[];
  /** The numbers that differ. */
  readonly scores: readonly ScoreDifference[];
}

export interface Side {
  readonly run: string;
  readonly cells: readonly RunCell[];
}

/** Compares the cells, the recipes and the scores of two runs. */
export function compareRuns(before: Side, after: Side): RunDifference {
  const old = new Map(before.cells.map((cell) => [cell.cell, cell]));
  const current = new Map(after.cells.map((cell) => [cell.cell, cell]));
  const stories = new Map<string, string[]>();
  for (const { cell, recipe } of after.cells) {
    const previous = old.get(cell)?.recipe;
    if (previous === undefined || previous === null || recipe === null) continue;
    // A cell whose inputs changed, but not its own recipe, is not listed.
    const because = explainDifference(previous, recipe)
      .filter((reason) => !reason.startsWith('input '))
      .join('; ');
    if (because !== '') stories.set(because, [...(stories.get(because) ?? []), cell]);
  }
  return {
    before: before.run,
    after: after.run,
    removed: [...old.keys()].filter((cell) => !current.has(cell)),
    added: [...current.keys()].filter((cell) => !old.has(cell)),
    changed: [...stories].map(([because, cells]) => ({ because, cells })),
    scores: compareScores(
      before.cells.flatMap(({ scores }) => scores),
      after.cells.flatMap(({ scores }) => scores),
    ),
  };
}

function compareScores(before: readonly ScoreRow[], after: readonly ScoreRow[]): RunDifference['scores'] {
  const numbers = (rows: readonly ScoreRow[]): Map<string, Map<string, number>> =>
    new Map(rows.map((row) => [rowName(row), new Map(Object.entries(row.values).filter(isScore))]));
  const [old, current] = [numbers(before), numbers(after)];
  return [...new Set([...old.keys(), ...current.keys()])].flatMap((row) => {
    const [a, b] = [old.get(row), current.get(row)];
    const hasAccuracy = a?.has('accuracy') === true || b?.has('accuracy') === true;
    return [...new Set([...(a?.keys() ?? []), ...(b?.keys() ?? [])])]
      .map((name) => ({
        row,
        name,
        before: a?.get(name) ?? null,
        after: b?.get(name) ?? null,
        hasAccuracy,
        intervals: intervalsOf(bounded(a, name), bounded(b, name)),
      }))
      .filter((score) => score.before !== score.after);
  });
}

function bounded(row: ReadonlyMap<string, number> | undefined, name: string): Bounded | null {
  const [value, low, high] = [row?.get(name), row?.get(`${name}Low`), row?.get(`${name}High`)];
  return value === undefined || low === undefined || high === undefined ? null : { value, low, high };
}

function intervalsOf(before: Bounded | null, after: Bounded | null): ScoreDifference['intervals'] {
  if (before === null || after === null) return null;
  const ends = ({ low, high }: Interval): Interval => ({ low, high });
  return { before: ends(before), after: ends(after), difference: differenceInterval(before, after) };
}

export function isScore(entry: readonly [string, MetricValue]): entry is [string, number] {
  return typeof entry[1] === 'number';
}

/** Identifies a row: two rows of different runs are compared if stage, cell and labels agree. */
function rowName({ cell, inner }: ScoreRow): string {
  return [cell, ...Object.entries(inner).map(([axis, label]) => `${axis}=${String(label)}`)].join(' ');
}

/** Cells in short, by stage: `12 cells of scores, table`, and how many stages more. */
export function cellsInShort(cells: readonly string[], most = 6): string {
  const stages = new Map<string, string[]>();
  for (const cell of cells) {
    const stage = cell.replace(/\[.*$/, '');
    stages.set(stage, [...(stages.get(stage) ?? []), cell]);
  }
  const shown = [...stages]
    .slice(0, most)
    .map(([stage, own]) => (own.length === 1 ? own[0]! : `${own.length} cells of ${stage}`));
  const left = stages.size - shown.length;
  return [...shown, ...(left > 0 ? [`and ${left} more stages`] : [])].join(', ');
}
