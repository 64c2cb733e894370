import type { Metrics } from '../values/metrics.ts';

export type Label = string | number | boolean;

/** One row of scores: its axes identify what was measured, its values are the numbers. */
export interface ScoreRow {
  readonly axes: Readonly<Record<string, Label>>;
  readonly values: Readonly<Record<string, number | null>>;
}

/**
 * Rows of all collected metrics; the axes of the cell come first, then those inside the value. Rows with
 * equal axes become one if they do not contradict each other, so that several metrics of the same cells stand
 * side by side.
 */
export function scoreRows(
  collected: readonly { readonly axes: Readonly<Record<string, Label>>; readonly value: Metrics }[],
): readonly ScoreRow[] {
  const rows: ScoreRow[] = [];
  const places = new Map<string, number>();
  for (const { axes: outer, value } of collected) {
    const joined = joinAxes(outer, value.rows);
    for (const [index, { values }] of value.rows.entries()) {
      const axes = joined[index]!;
      const key = JSON.stringify(Object.entries(axes).sort(([a], [b]) => (a < b ? -1 : 1)));
      const place = places.get(key) ?? rows.length;
      const known = rows[place];
      if (known !== undefined && agree(known.values, values)) {
        rows[place] = { axes: known.axes, values: { ...known.values, ...values } };
      } else {
        places.set(key, rows.length);
        rows.push({ axes, values });
      }
    }
  }
  return rows;
}

/**
 * The axes of the rows of a value, those of its cell first. An axis of the rows that is called as one of the cell is `inner.AXIS`,
 * so that no label stands in place of another, unless all rows repeat the label of the cell.
 */
export function joinAxes(
  outer: Readonly<Record<string, Label>>,
  rows: readonly { readonly axes: Readonly<Record<string, Label>> }[],
): readonly Readonly<Record<string, Label>>[] {
  const clashing = Object.keys(outer).filter((axis) =>
    rows.some(({ axes }) => Object.hasOwn(axes, axis) && axes[axis] !== outer[axis]),
  );
  if (clashing.length === 0) return rows.map(({ axes }) => ({ ...outer, ...axes }));
  return rows.map(({ axes }) => {
    const inner = Object.entries(axes).map(([axis, label]): [string, Label] => [
      clashing.includes(axis) ? `inner.${axis}` : axis,
      label,
    ]);
    return { ...outer, ...Object.fromEntries(inner) };
  });
}

/** Whether two rows have no name in common, or the same number for it, and are not the same row twice. */
function agree(some: ScoreRow['values'], others: ScoreRow['values']): boolean {
  const common = Object.keys(others).filter((name) => Object.hasOwn(some, name));
  return common.length < Object.keys(others).length && common.every((name) => some[name] === others[name]);
}

/** Names of all axes, in order of first appearance. */
export function axisNames(rows: readonly ScoreRow[]): readonly string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row.axes)))];
}

/** Names of all numbers, in order of first appearance. */
export function valueNames(rows: readonly ScoreRow[]): readonly string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row.values)))];
}

/**
 * The column of an axis beside columns with the names in `taken`, such as those of numbers: its name, or `axes.linf` if
 * that is taken, as a reference in a pipeline.
 */
export function axisColumn(axis: string, taken: { readonly has: (name: string) => boolean }): string {
  return taken.has(axis) ? `axes.${axis}` : axis;
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

/** Names whose quantity and unit a reader of a figure would not know. */
const quantities: Readonly<Record<string, string>> = {
  l1: 'L1 distance (pixels in [0, 1])',
  l2: 'L2 distance (pixels in [0, 1])',
  linf: 'L∞ distance (pixels in [0, 1])',
  dissimilarity: 'normalised L2 dissimilarity',
  epsilon: 'ε (pixels in [0, 1])',
  accuracy: 'top-1 accuracy',
  n: 'images',
  targetRate: 'images classified as the target',
  reachedRate: 'images at the goal of the attack',
  foundRate: 'images that have reached the goal of the attack',
  bestDistance: 'smallest distance so far',
  eot: 'draws of the defense in a step',
  queries: 'queries per image',
  bits: 'bits per channel',
  quality: 'JPEG quality',
  seconds: 'time (s)',
};

/**
 * Converts names to text for the readers of a figure, with the unit where it is known: `successRate` → `success rate`, `l2` → `L2 distance (pixels
 * in [0, 1])`.
 */
export function readableName(name: string): string {
  if (Object.hasOwn(quantities, name)) return quantities[name]!;
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll(/[-_]/g, ' ')
    .toLowerCase();
}

/** Distances that attacks are given as their strength, and measure. */
const distances = ['dissimilarity', 'linf', 'l2', 'l1'] as const;
/** Attacks that reach their strength miss it by less. */
const missed = 0.1;

/**
 * The name of an axis for the readers of a figure. If its labels are what the attacks reached in one of the distances that they measure, this is the
 * quantity behind a name such as `strength`.
 */
export function readableAxis(rows: readonly ScoreRow[], axis: string): string {
  if (Object.hasOwn(quantities, axis)) return readableName(axis);
  const reached = distances.find((name) => {
    const errors = rows.flatMap(({ axes, values }) => {
      const label = axes[axis] === undefined ? undefined : labelNumber(axes[axis]);
      const value = values[name];
      return label === undefined || label === 0 || typeof value !== 'number'
        ? []
        : [Math.abs(value / label - 1)];
    });
    const middle = [...errors].sort((one, other) => one - other)[Math.floor(errors.length / 2)];
    return errors.length >= 2 && middle! <= missed;
  });
  return reached === undefined ? readableName(axis) : readableName(reached);
}
