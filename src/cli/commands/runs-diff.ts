import { explainDifference } from '../../runtime/plan/explain-difference.ts';
import { findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { formatColumns, print, printJson } from '../output.ts';
import { readRunCells, type MetricValue, type RunCell, type ScoreRow } from '../run-results.ts';

interface RunDifference {
  readonly before: string;
  readonly after: string;
  /** Cells that only one of the runs has. */
  readonly removed: readonly string[];
  readonly added: readonly string[];
  /** Cells with different recipes, grouped by the difference: `with.bits 3 → 4`. */
  readonly changed: readonly { readonly because: string; readonly cells: readonly string[] }[];
  readonly scores: readonly {
    readonly row: string;
    readonly name: string;
    readonly before: number | null;
    readonly after: number | null;
  }[];
}

/** Compares two runs: cells, parameters, and every score that differs, side by side. */
export async function runsDiff(
  before: string,
  after: string,
  options: { readonly json?: boolean; readonly cache?: string },
): Promise<ExitCode> {
  const cacheFolder = findCacheFolder(options.cache);
  const [first, second] = [findRun(cacheFolder, before).run, findRun(cacheFolder, after).run];
  const difference = compareRuns(
    { run: first, cells: await readRunCells(cacheFolder, first) },
    { run: second, cells: await readRunCells(cacheFolder, second) },
  );
  if (options.json) printJson(difference);
  else print(differenceText(difference));
  return exitCodes.ok;
}

interface Side {
  readonly run: string;
  readonly cells: readonly RunCell[];
}

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
    new Map(rows.map((row) => [rowName(row), new Map(Object.entries(row).filter(isScore))]));
  const [old, current] = [numbers(before), numbers(after)];
  return [...new Set([...old.keys(), ...current.keys()])].flatMap((row) => {
    const [a, b] = [old.get(row), current.get(row)];
    return [...new Set([...(a?.keys() ?? []), ...(b?.keys() ?? [])])]
      .map((name) => ({ row, name, before: a?.get(name) ?? null, after: b?.get(name) ?? null }))
      .filter((score) => score.before !== score.after);
  });
}

function isScore(entry: readonly [string, MetricValue]): entry is [string, number] {
  return typeof entry[1] === 'number';
}

/** Identifies a row: two rows of different runs are compared if stage, cell and labels agree. */
function rowName(row: ScoreRow): string {
  const { stage: _stage, cell, ...rest } = row;
  const labels = Object.entries(rest).filter(([, value]) => typeof value === 'string');
  const more = labels.filter(([name, value]) => !String(cell).includes(`${name}=${String(value)}`));
  return [String(cell), ...more.map(([name, value]) => `${name}=${String(value)}`)].join(' ');
}

function differenceText({ before, after, removed, added, changed, scores }: RunDifference): string {
  const lines = [`${before} → ${after}`];
  for (const { because, cells } of changed)
    lines.push(`${because}: ${cells.length === 1 ? cells[0]! : `${cells.length} cells, ${cells[0]!} …`}`);
  if (removed.length > 0) lines.push(`only in ${before}: ${removed.join(', ')}`);
  if (added.length > 0) lines.push(`only in ${after}: ${added.join(', ')}`);
  if (lines.length === 1) lines.push('the same recipes');
  if (scores.length === 0) return [...lines, 'the same scores'].join('\n');
  const show = (value: number | null): string => (value === null ? '' : value.toPrecision(4));
  const rows = scores.map(({ row, name, before: a, after: b }) => [
    row,
    name,
    show(a),
    show(b),
    a === null || b === null ? '' : `${b > a ? '+' : ''}${(b - a).toPrecision(3)}`,
  ]);
  return `${lines.join('\n')}\n\n${formatColumns([['row', 'score', 'before', 'after', 'difference'], ...rows])}`;
}
