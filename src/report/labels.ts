import { readableLabel } from '../values/readable-number.ts';
import type { Label, ScoreRow } from './rows.ts';

/** Display names of labels and names in figures and tables: `{ fgsm: FGSM, dissimilarity: δ }`. */
export type Labels = Readonly<Record<string, string>>;

/** The display name of a label: its entry, or itself, computed numbers in few digits. */
export function labelled(labels: Labels | undefined, label: Label): string {
  const own = String(label);
  return labels !== undefined && Object.hasOwn(labels, own) ? labels[own]! : readableLabel(label);
}

/**
 * The name of a row's labels on some axes: their display names, joined. Rows with other labels have another name: where
 * display names are the same, the labels themselves stand, and a number behind them if these are a name too.
 */
export function uniqueNames(
  rows: readonly ScoreRow[],
  axes: readonly string[],
  labels: Labels | undefined,
): (row: ScoreRow) => string {
  const keyOf = (row: ScoreRow): string => JSON.stringify(axes.map((axis) => row.axes[axis] ?? null));
  const joined = (row: ScoreRow, nameOf: (label: Label) => string): string =>
    axes.map((axis) => nameOf(row.axes[axis] ?? '–')).join(' · ');
  const kinds = new Map(rows.map((row) => [keyOf(row), row]));
  const displayed = new Map(
    [...kinds].map(([key, row]) => [key, joined(row, (label) => labelled(labels, label))]),
  );
  const shared = duplicates([...displayed.values()]);
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const [key, row] of kinds) {
    const name = shared.has(displayed.get(key)!) ? joined(row, readableLabel) : displayed.get(key)!;
    let unique = name;
    for (let number = 2; taken.has(unique); number++) unique = `${name} (${number})`;
    taken.add(unique);
    names.set(key, unique);
  }
  return (row) => names.get(keyOf(row))!;
}

function duplicates(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.filter((name, index) => names.indexOf(name) !== index));
}
