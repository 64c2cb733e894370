import type { CurvePanel, CurvePoint, Curves, CurveSeries, PublishedSeries } from './curves-data.ts';
import { publishedSeries } from './curves-published.ts';
import { sourcesOf } from './published.ts';
import type { PublishedRow } from './published.ts';
import { greyLevels, isShare } from '../values/readable-number.ts';
import { axisLabels, axisNames, labelNumber, readableAxis, readableName } from './rows.ts';
import type { Label, ScoreRow } from './rows.ts';
import { labelled, type Labels, uniqueNames } from './labels.ts';
import { seriesPlaces } from './series-looks.ts';

export interface CurvesRecipe {
  /** An axis (`strength`) or a measured number (`dissimilarity`). */
  readonly x: string;
  /** A measured number. */
  readonly y: string;
  /** Axes that make the panels and the lines; labels of several axes are joined. */
  readonly panel: readonly string[];
  readonly series: readonly string[];
  readonly title: string;
  readonly xLabel?: string;
  readonly yLabel?: string;
  /**
   * Height of the dotted line: a number in the unit of `y`; `true` takes `cleanAccuracy` from the rows, or
   * else the point at x = 0; `false` draws no line.
   */
  readonly clean: boolean | number;
  /** Scores on clean images if they are known separately; they take precedence over the rows. */
  readonly cleanRows?: readonly ScoreRow[];
  /** All labels that the pipeline has on the axes of the lines: they decide the looks of the lines. */
  readonly axes?: Readonly<Record<string, readonly Label[]>>;
  /** Display names of labels and names. */
  readonly labels?: Labels;
  /** Published numbers, which are drawn beside the lines with their labels. */
  readonly published?: readonly PublishedRow[];
}

/** Two points of one line have the same x, because an axis was forgotten. */
export interface CurvesClash {
  readonly first: ScoreRow;
  readonly second: ScoreRow;
}

/**
 * Arranges rows into panels and lines. Points are sorted by x; rows without x or y leave a gap in the line.
 * Shares are drawn in per cent from 0 to 100.
 */
export function curvesFromRows(
  rows: readonly ScoreRow[],
  recipe: CurvesRecipe,
): (Curves & { readonly used: readonly PublishedRow[] }) | { readonly clash: CurvesClash } {
  const xIsAxis = axisNames(rows).includes(recipe.x);
  const scale = isShare(recipe.y) ? 100 : 1;
  const { labels } = recipe;
  const xScaleOf = xIsAxis ? axisPositions(axisLabels(rows, recipe.x), labels) : undefined;
  const xOf = (row: ScoreRow): number => {
    if (xScaleOf === undefined) return row.values[recipe.x] ?? NaN;
    const label = row.axes[recipe.x];
    return label === undefined ? NaN : (xScaleOf.positions.get(label) ?? NaN);
  };
  const panels: CurvePanel[] = [];
  const used = new Set<PublishedRow>();
  const lineNames = uniqueNames(rows, recipe.series, labels);
  const placeOf = seriesPlaces(rows, recipe.series, recipe.axes ?? {});
  const places = {
    x: recipe.x,
    y: recipe.y,
    placed: [...recipe.panel, ...recipe.series],
    scale,
    ...(xScaleOf && { positionOf: xScaleOf.positionOf }),
  };
  for (const [panelName, panelRows] of groupBy(rows, uniqueNames(rows, recipe.panel, labels))) {
    const series: CurveSeries[] = [];
    const published: PublishedSeries[] = [];
    for (const [seriesName, seriesRows] of groupBy(panelRows, lineNames)) {
      const clash = xIsAxis ? findClash(seriesRows, recipe.x) : undefined;
      if (clash !== undefined) return { clash };
      const points = seriesRows
        .map((row) => curvePoint(row, xOf(row), recipe.y, scale))
        .filter((point) => Number.isFinite(point.x))
        .sort((a, b) => a.x - b.x);
      series.push({ name: seriesName, place: placeOf(seriesRows[0]!), points });
      const beside = publishedSeries(seriesName, seriesRows, recipe.published ?? [], places, used);
      if (beside !== undefined) published.push(beside);
    }
    const ownCleans = ownCleanHeights(panelRows, recipe, scale, lineNames);
    if (ownCleans !== null)
      series.forEach((one, index) => {
        const height = ownCleans.get(one.name);
        if (height !== undefined) series[index] = { ...one, clean: height };
      });
    const clean = ownCleans === null ? cleanHeight(panelRows, recipe, scale) : undefined;
    panels.push({
      title: panelName,
      series,
      ...(clean === undefined ? {} : { clean }),
      ...(published.length === 0 ? {} : { published }),
    });
  }
  return {
    title: recipe.title,
    xLabel:
      recipe.xLabel ??
      nameOf(labels, recipe.x, () => (xIsAxis ? readableAxis(rows, recipe.x) : readableName(recipe.x))),
    yLabel:
      recipe.yLabel ??
      `${nameOf(labels, recipe.y, () => readableName(recipe.y))}${scale === 100 ? ' (%)' : ''}`,
    panels,
    ...(xScaleOf?.ticks === undefined ? {} : { xTicks: xScaleOf.ticks }),
    ...(scale === 100 ? { yDomain: [0, 100] as const } : {}),
    ...(used.size === 0 ? {} : { publishedIn: sourcesOf(used) }),
    used: [...used],
  };
}

/** The display name of a name: its entry in the labels, or the usual one. */
function nameOf(labels: Labels | undefined, name: string, usual: () => string): string {
  const own = labelled(labels, name);
  return own === name ? usual() : own;
}

function curvePoint(row: ScoreRow, x: number, name: string, scale: number): CurvePoint {
  const scaled = (value: number | null | undefined): number | null =>
    value === undefined || value === null || !Number.isFinite(value) ? null : value * scale;
  const [y, low, high] = [row.values[name], row.values[`${name}Low`], row.values[`${name}High`]].map(scaled);
  return { x, y: y!, low: low!, high: high! };
}

/** With more computed labels than this, round numbers are easier to read. */
const mostLevelTicks = 12;

/**
 * Positions of labels: at their numbers if all have one, otherwise evenly in document order. Ticks carry the
 * labels themselves if they are not plain numbers.
 */
function axisPositions(
  labels: readonly Label[],
  names: Labels | undefined,
): {
  positions: ReadonlyMap<Label, number>;
  /** Place of a label that the rows may lack. */
  positionOf: (label: Label) => number | undefined;
  ticks?: readonly { at: number; label: string }[];
} {
  const numbers = labels.map(labelNumber);
  const numeric = numbers.every((number) => number !== undefined);
  const positions = new Map(labels.map((label, index) => [label, numeric ? numbers[index]! : index]));
  const plain = labels.every(
    (label) => typeof label === 'number' || (numeric && !String(label).includes('/')),
  );
  const positionOf = (label: Label): number | undefined =>
    positions.get(label) ?? (numeric ? labelNumber(label) : undefined);
  const isRenamed = labels.some((label) => names !== undefined && Object.hasOwn(names, String(label)));
  if (plain && !isRenamed && !areFewGreyLevels(labels)) return { positions, positionOf };
  return {
    positions,
    positionOf,
    ticks: labels.map((label) => ({ at: positions.get(label)!, label: labelled(names, label) })),
  };
}

/** Whether all of a few computed labels are grey levels, and so ticks such as `8/255`. */
function areFewGreyLevels(labels: readonly Label[]): boolean {
  const others = labels.filter((label) => label !== 0);
  return (
    others.length > 0 &&
    labels.length <= mostLevelTicks &&
    others.every((label) => typeof label === 'number' && greyLevels(label) !== null)
  );
}

function findClash(rows: readonly ScoreRow[], axis: string): CurvesClash | undefined {
  const seen = new Map<Label | undefined, ScoreRow>();
  for (const row of rows) {
    const first = seen.get(row.axes[axis]);
    if (first !== undefined) return { first, second: row };
    seen.set(row.axes[axis], row);
  }
  return undefined;
}

/** Rows by their labels on some axes, under the name that readers see. */
function groupBy(
  rows: readonly ScoreRow[],
  nameOf: (row: ScoreRow) => string,
): ReadonlyMap<string, readonly ScoreRow[]> {
  const groups = new Map<string, ScoreRow[]>();
  for (const row of rows) {
    const name = nameOf(row);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  return groups;
}

/**
 * The clean accuracy of each line, if lines are of different models: then one height for all would be wrong. Lines behind defenses, beside one
 * without, share the model and its clean accuracy, so they have none of their own.
 */
function ownCleanHeights(
  rows: readonly ScoreRow[],
  recipe: CurvesRecipe,
  scale: number,
  lineNames: (row: ScoreRow) => string,
): ReadonlyMap<string, number> | null {
  if (recipe.clean !== true || recipe.cleanRows !== undefined || recipe.y !== 'accuracy') return null;
  if (rows.some((row) => recipe.series.some((axis) => row.axes[axis] === 'none'))) return null;
  const heights = new Map<string, number>();
  for (const [name, own] of groupBy(rows, lineNames)) {
    const found = new Set(own.flatMap((row) => finite(row.values['cleanAccuracy'], scale) ?? []));
    if (found.size === 1) heights.set(name, [...found][0]!);
  }
  return new Set(heights.values()).size > 1 ? heights : null;
}

function cleanHeight(rows: readonly ScoreRow[], recipe: CurvesRecipe, scale: number): number | undefined {
  if (recipe.clean === false) return undefined;
  if (typeof recipe.clean === 'number') return recipe.clean * scale;
  const known = recipe.cleanRows?.find((row) => matches(row, rows[0]!, recipe.panel));
  if (known !== undefined) return finite(known.values[recipe.y], scale);
  // The undefended line is the reference of the paper; a defense lowers the accuracy on clean images a
  // little.
  const undefended = rows.filter((row) => recipe.series.some((axis) => row.axes[axis] === 'none'));
  const candidates = undefended.length > 0 ? undefended : rows;
  for (const row of candidates) {
    // It is the height of a curve of accuracies only, not of a success rate.
    const clean = recipe.y === 'accuracy' ? finite(row.values['cleanAccuracy'], scale) : undefined;
    if (clean !== undefined) return clean;
  }
  // This looks at the label, not the position, because the first of labels without numbers is at 0 too.
  const unattacked = candidates.find((row) =>
    row.axes[recipe.x] === undefined ? row.values[recipe.x] === 0 : labelNumber(row.axes[recipe.x]!) === 0,
  );
  return unattacked === undefined ? undefined : finite(unattacked.values[recipe.y], scale);
}

/** Whether the clean row fits the panel: every axis that it has carries the same label. */
function matches(clean: ScoreRow, row: ScoreRow, axes: readonly string[]): boolean {
  return axes.every((axis) => clean.axes[axis] === undefined || clean.axes[axis] === row.axes[axis]);
}

function finite(value: number | null | undefined, scale: number): number | undefined {
  return value === undefined || value === null || !Number.isFinite(value) ? undefined : value * scale;
}
