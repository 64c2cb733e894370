import { CsvError } from './csv-records.ts';
import { isAbout, isLabel } from './published.ts';
import type { PublishedNumber, PublishedRow } from './published.ts';
import { axisLabels, axisNames } from './rows.ts';
import type { Label, ScoreRow } from './rows.ts';

/** The published numbers of a row stand beside its own under these names. */
export const publishedName = (name: string): string => `${name}Published`;

export interface JoinedRows {
  /** The scores, with `accuracyPublished` and so on where there is one; then places that only the literature has. */
  readonly rows: readonly ScoreRow[];
  /** The published rows that found a place. */
  readonly used: readonly PublishedRow[];
}

/**
 * Puts published numbers beside the scores with the same labels. If several rows are about a score, the one with the most
 * labels counts; throws `CsvError` if two have the same number of them. A published row whose labels the scores all have,
 * but not together, becomes a row without a score.
 */
export function joinPublished(rows: readonly ScoreRow[], published: readonly PublishedRow[]): JoinedRows {
  const names = axisNames(rows);
  const used = new Set<PublishedRow>();
  const joined = rows.map((row) => {
    const about = mostSpecific(published.filter((candidate) => isAbout(candidate, row.axes, names)));
    if (about === undefined) return row;
    used.add(about);
    return { axes: row.axes, values: { ...row.values, ...publishedValues(about) } };
  });
  const labels = new Map(names.map((name) => [name, axisLabels(rows, name)]));
  const added = published.flatMap((row): readonly ScoreRow[] => {
    const axes = used.has(row) ? undefined : labelsOf(row, labels);
    if (axes === undefined || rows.some((score) => isAbout(row, score.axes, names))) return [];
    used.add(row);
    return [{ axes, values: publishedValues(row) }];
  });
  return { rows: [...joined, ...added], used: [...used] };
}

/** The numbers of a published row as values of a row of scores. */
export function publishedValues(row: PublishedRow): Readonly<Record<string, number | null>> {
  const values: Record<string, number | null> = {};
  for (const [name, { value, low, high }] of Object.entries(row.numbers)) {
    values[publishedName(name)] = value;
    if (low !== undefined) values[`${publishedName(name)}Low`] = low;
    if (high !== undefined) values[`${publishedName(name)}High`] = high;
  }
  return values;
}

/** The published number that `joinPublished` put beside a score. */
export function publishedOf(values: ScoreRow['values'], name: string): PublishedNumber | undefined {
  const value = values[publishedName(name)];
  const [low, high] = [values[`${publishedName(name)}Low`], values[`${publishedName(name)}High`]];
  if (value === undefined) return undefined;
  return { value, ...(typeof low === 'number' && { low }), ...(typeof high === 'number' && { high }) };
}

/** The row with the most labels. Throws `CsvError` if two rows have that number of labels. */
export function mostSpecific(rows: readonly PublishedRow[]): PublishedRow | undefined {
  const count = (row: PublishedRow): number => Object.keys(row.axes).length;
  const most = Math.max(...rows.map(count));
  const [first, second] = rows.filter((row) => count(row) === most);
  if (first !== undefined && second !== undefined) {
    throw new CsvError(
      { line: second.line, column: 1 },
      `this row and line ${first.line} are about the same score`,
      'give each a label that the other lacks',
    );
  }
  return first;
}

/** The labels of the scores that a published row names; undefined unless it names one on every axis that varies. */
function labelsOf(
  row: PublishedRow,
  known: ReadonlyMap<string, readonly Label[]>,
): Readonly<Record<string, Label>> | undefined {
  const axes: [string, Label][] = [];
  for (const [name, labels] of known) {
    const text = row.axes[name];
    const label =
      text === undefined
        ? labels.length === 1
          ? labels[0]
          : undefined
        : labels.find((candidate) => isLabel(candidate, text));
    if (label === undefined) return undefined;
    axes.push([name, label]);
  }
  return Object.fromEntries(axes);
}
