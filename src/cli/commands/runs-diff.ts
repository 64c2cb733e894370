import { didYouMean } from '../../values/nearest.ts';
import type { Interval } from '../../metrics/wilson.ts';
import { findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { formatColumns, print, printJson } from '../output.ts';
import { cellsInShort, compareRuns, isScore, type RunDifference, type Side } from '../run-difference.ts';
import { readRunCells } from '../run-results.ts';

/**
 * Compares two runs: cells, parameters, and the scores that differ, side by side. The text has the accuracy of rows that
 * both have, or the numbers of `metric`, or with `all` everything; JSON has everything unless `metric` is given.
 */
export async function runsDiff(
  before: string,
  after: string,
  options: {
    readonly json?: boolean;
    readonly cache?: string;
    readonly metric?: readonly string[];
    readonly all?: boolean;
  },
): Promise<ExitCode> {
  const cacheFolder = findCacheFolder(options.cache);
  const [first, second] = [findRun(cacheFolder, before).run, findRun(cacheFolder, after).run];
  const sides = [
    { run: first, cells: await readRunCells(cacheFolder, first) },
    { run: second, cells: await readRunCells(cacheFolder, second) },
  ] as const;
  const { metric } = options;
  requireMetrics(metric, sides);
  const whole = compareRuns(...sides);
  const chosen = whole.scores.filter(({ name }) => metric?.includes(name) !== false);
  if (options.json) printJson({ ...whole, scores: chosen.map(({ hasAccuracy: _, ...score }) => score) });
  else
    print(
      differenceText(
        { ...whole, scores: chosen },
        options.all === true ? chosen : mainScores(chosen, metric),
      ),
    );
  return exitCodes.ok;
}

/** Throws `UsageError` for a number that no row of the two runs has. */
function requireMetrics(metric: readonly string[] | undefined, sides: readonly Side[]): void {
  const rows = sides.flatMap(({ cells }) => cells.flatMap(({ scores }) => scores));
  const known = [
    ...new Set(
      rows.flatMap(({ values }) =>
        Object.entries(values)
          .filter(isScore)
          .map(([name]) => name),
      ),
    ),
  ];
  const wrong = metric?.find((name) => !known.includes(name));
  if (wrong === undefined || known.length === 0) return;
  throw new UsageError(
    `no run has a score named '${wrong}'${didYouMean(wrong, known)}`,
    `use ${known.join(', ')}`,
  );
}

type Scores = RunDifference['scores'];

/** Leaves the accuracy of each row that both runs have, and all numbers of rows that have none. */
function mainScores(scores: Scores, metric: readonly string[] | undefined): Scores {
  return scores.filter(
    ({ name, before, after, hasAccuracy }) =>
      before !== null && after !== null && (metric !== undefined || !hasAccuracy || name === 'accuracy'),
  );
}

function differenceText(
  { before, after, removed, added, changed, scores }: RunDifference,
  shown: Scores,
): string {
  const lines = [`${before} → ${after}`];
  for (const { because, cells } of changed)
    lines.push(`${because}: ${cells.length === 1 ? cells[0]! : `${cells.length} cells, ${cells[0]!} …`}`);
  if (removed.length > 0) lines.push(`only in ${before}: ${cellsInShort(removed)}`);
  if (added.length > 0) lines.push(`only in ${after}: ${cellsInShort(added)}`);
  if (lines.length === 1) lines.push('the same recipes');
  if (scores.length === 0) return [...lines, 'the same scores'].join('\n');
  const left = scores.length - shown.length;
  const rest =
    left === 0
      ? ''
      : `\n\n${left} ${shown.length === 0 ? '' : 'other '}${left === 1 ? 'score differs' : 'scores differ'} or ${left === 1 ? 'is' : 'are'} only in one of the runs: add --all, or --metric NAME`;
  if (shown.length === 0) return `${lines.join('\n')}${rest}`;
  const rows = shown.map(({ row, name, before: a, after: b, intervals }) => [
    row,
    name,
    withInterval(a, intervals?.before),
    withInterval(b, intervals?.after),
    a === null || b === null
      ? ''
      : `${b > a ? '+' : ''}${(b - a).toPrecision(3)}${interval(intervals?.difference)}`,
  ]);
  return `${lines.join('\n')}\n\n${formatColumns([['row', 'score', 'before', 'after', 'difference'], ...rows])}${rest}`;
}

function withInterval(value: number | null, ends: Interval | undefined): string {
  return value === null ? '' : `${value.toPrecision(4)}${interval(ends)}`;
}

function interval(ends: Interval | undefined): string {
  return ends === undefined ? '' : ` [${ends.low.toFixed(3)}, ${ends.high.toFixed(3)}]`;
}
