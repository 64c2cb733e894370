import type { ComparedNumber, ComparedScore, Comparison } from '../../report/html/comparison.ts';
import type { Claim, ReportFigure, RunReport } from '../../report/html/run-report.ts';
import type { Measured } from '../../report/format.ts';
import { type Bounded, differenceInterval } from '../../metrics/difference-interval.ts';
import type { Interval } from '../../metrics/wilson.ts';
import { cellsInShort, compareRuns, type RunDifference, type ScoreDifference } from '../run-difference.ts';
import { readRunCells } from '../run-results.ts';
import type { NamedReport } from './named-report.ts';

/** Rows of scores that are shown; `ravelin runs diff --all` has the rest. */
const shownScores = 1000;

/** Puts two reports beside each other: claims, recipes, facts, figures and scores. Rejects with `DamagedResultsError` if scores are damaged. */
export async function compareReports(before: NamedReport, after: NamedReport): Promise<Comparison> {
  const difference = compareRuns(
    { run: before.run, cells: await readRunCells(before.cacheFolder, before.run) },
    { run: after.run, cells: await readRunCells(after.cacheFolder, after.run) },
  );
  const scores = mainScores(difference);
  const names = [...new Set([before.report.pipeline, after.report.pipeline])];
  return {
    title: names.join(' and '),
    before: { ...before.report, tags: before.tags },
    after: { ...after.report, tags: after.tags },
    claims: joined(before.report.claims, after.report.claims, claimKey),
    changed: difference.changed.map(({ because, cells }) => ({
      because,
      cells: cellsInShort(cells),
      count: cells.length,
    })),
    removed: cellsInShort(difference.removed),
    added: cellsInShort(difference.added),
    facts: differingFacts(before.report, after.report),
    figures: joined(before.report.figures, after.report.figures, ({ cell }) => cell).map(
      ({ before: old, after: current }) => ({
        cell: (old ?? current)!.cell,
        before: old,
        after: current,
        isSame: old !== null && current !== null && isSameFigure(old, current),
      }),
    ),
    scores: scores.slice(0, shownScores).map(comparedScore),
    totalScores: scores.length,
  };
}

/** The interval of the difference of two accuracies; null without their intervals. */
export function claimDifference(before: Measured, after: Measured): Interval | null {
  const bounded = ({ value, low, high }: Measured): Bounded | null =>
    value === null || typeof low !== 'number' || typeof high !== 'number' ? null : { value, low, high };
  const [old, current] = [bounded(before), bounded(after)];
  return old === null || current === null ? null : differenceInterval(old, current);
}

function joined<Item>(
  before: readonly Item[],
  after: readonly Item[],
  keyOf: (item: Item) => string,
): readonly { readonly before: Item | null; readonly after: Item | null }[] {
  const [old, current] = [before, after].map((items) => new Map(items.map((item) => [keyOf(item), item])));
  return [...new Set([...old!.keys(), ...current!.keys()])].map((key) => ({
    before: old!.get(key) ?? null,
    after: current!.get(key) ?? null,
  }));
}

function claimKey({ data, model, defense, budget }: Claim): string {
  return JSON.stringify([data, model, defense, budget]);
}

function differingFacts(before: RunReport, after: RunReport): Comparison['facts'] {
  const [old, current] = [new Map(before.facts), new Map(after.facts)];
  const command: readonly [string, string, string] = ['command', before.command, after.command];
  return [
    ...[...new Set([...old.keys(), ...current.keys()])].map(
      (name) => [name, old.get(name) ?? '–', current.get(name) ?? '–'] as const,
    ),
    command,
  ].filter(([, one, other]) => one !== other);
}

function isSameFigure(one: ReportFigure, other: ReportFigure): boolean {
  const bytes = ({ image }: ReportFigure): Uint8Array => image?.bytes ?? new Uint8Array();
  return (
    Buffer.from(bytes(one)).equals(bytes(other)) &&
    JSON.stringify([one.title, one.table, one.csv, one.notes]) ===
      JSON.stringify([other.title, other.table, other.csv, other.notes])
  );
}

/** The accuracy of each row, and all numbers but the ends of intervals of rows that have none. */
function mainScores({ scores }: RunDifference): readonly ScoreDifference[] {
  return scores.filter(({ name, hasAccuracy }) =>
    hasAccuracy ? name === 'accuracy' : !/(?:Low|High)$/.test(name),
  );
}

function comparedScore({ row, name, before, after, intervals }: ScoreDifference): ComparedScore {
  const number = (value: number | null, ends: Interval | undefined): ComparedNumber => ({ value, ...ends });
  return {
    row,
    name,
    before: number(before, intervals?.before),
    after: number(after, intervals?.after),
    difference: number(before === null || after === null ? null : after - before, intervals?.difference),
  };
}
