import type { Metrics } from '../values/metrics.ts';

export type Label = string | number | boolean;

/** One row of scores: its axes identify what was measured, its values are the numbers. */
export interface ScoreRow {
  readonly axes: Readonly<Record<string, Label>>;
  readonly values: Readonly<Record<string, number | null>>;
}

/** Rows of all collected metrics; the axes of the cell come first, then those inside the value. */
export function scoreRows(
  collected: readonly { readonly axes: Readonly<Record<string, Label>>; readonly value: Metrics }[],
): readonly ScoreRow[] {
  return collected.flatMap(({ axes, value }) =>
    value.rows.map((row) => ({ axes: { ...axes, ...row.axes }, values: row.values })),
  );
}

/** Names of all axes, in order of first appearance. */
export function axisNames(rows: readonly ScoreRow[]): readonly string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row.axes)))];
}

/** Names of all numbers, in order of first appearance. */
export function valueNames(rows: readonly ScoreRow[]): readonly string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row.values)))];
}

/** Labels of one axis, in order of first appearance, which is document order. */
export function axisLabels(rows: readonly ScoreRow[], axis: string): readonly Label[] {
  return [...new Set(rows.flatMap((row) => (axis in row.axes ? [row.axes[axis]!] : [])))];
}

/** Axes with more than one label. */
export function varyingAxes(rows: readonly ScoreRow[]): readonly string[] {
  return axisNames(rows).filter((axis) => axisLabels(rows, axis).length > 1);
}

/** The number that a label represents: `0.06`, `'0.06'`, `'8/255'`; undefined for other text. */
export function labelNumber(label: Label): number | undefined {
  if (typeof label === 'number') return Number.isFinite(label) ? label : undefined;
  if (typeof label === 'boolean') return undefined;
  const fraction = /^\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*\/\s*([\d.]+)\s*$/i.exec(label);
  const number = fraction
    ? Number(fraction[1]) / Number(fraction[2])
    : label.trim() === ''
      ? NaN
      : Number(label);
  return Number.isFinite(number) ? number : undefined;
}

/** Whether a number of this name is a share in [0, 1], which is shown in per cent. */
export function isShare(name: string): boolean {
  return /accuracy|rate$|probability|confidence|agreement/i.test(name);
}

/**
 * Converts names to text for the readers of a figure: `successRate` → `success rate`, `l2` → `L2 distance`.
 */
export function readableName(name: string): string {
  const known: Readonly<Record<string, string>> = {
    l2: 'L2 distance',
    linf: 'L∞ distance',
    dissimilarity: 'normalized L2-dissimilarity',
    accuracy: 'top-1 accuracy',
    n: 'images',
  };
  return (
    known[name] ??
    name
      .replace(/([a-z\d])([A-Z])/g, '$1 $2')
      .replaceAll(/[-_]/g, ' ')
      .toLowerCase()
  );
}
