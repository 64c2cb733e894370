import type { PublishedSeries } from './curves-data.ts';
import { mostSpecific, publishedName } from './join-published.ts';
import { isLabel } from './published.ts';
import type { PublishedRow } from './published.ts';
import { axisLabels, axisNames, labelNumber } from './rows.ts';
import type { Label, ScoreRow } from './rows.ts';

export interface PublishedRecipe {
  /** An axis or a number. */
  readonly x: string;
  readonly y: string;
  /** The axes of panels and lines. */
  readonly placed: readonly string[];
  /** Factor of the numbers: 100 for shares. */
  readonly scale: number;
  /** Place of a label of the axis x; undefined for a label that has none, and if x is a number. */
  readonly positionOf?: (label: Label) => number | undefined;
}

/**
 * The published numbers of one line. A row that gives a place on x is a point; one that gives none, because its field
 * is empty, is a span over the whole panel. If x is a number without a column in the file (the achieved dissimilarity),
 * a row stands where the score with its labels stands. `used` receives the rows that are drawn.
 */
export function publishedSeries(
  name: string,
  rows: readonly ScoreRow[],
  published: readonly PublishedRow[],
  recipe: PublishedRecipe,
  used: Set<PublishedRow>,
): PublishedSeries | undefined {
  const { y, scale } = recipe;
  const places = new Map<number | undefined, PublishedRow[]>();
  for (const row of published) {
    if (row.numbers[y] === undefined || !fits(row, rows[0]!, recipe.placed)) continue;
    for (const place of placesOf(row, rows, recipe)) places.set(place, [...(places.get(place) ?? []), row]);
  }
  const points: PublishedSeries['points'][number][] = [];
  const spans: PublishedSeries['spans'][number][] = [];
  for (const [place, candidates] of places) {
    const row = mostSpecific(candidates)!;
    used.add(row);
    const { value, low, high } = row.numbers[y]!;
    const scaled = {
      y: value === null ? null : value * scale,
      ...(low !== undefined && { low: low * scale }),
      ...(high !== undefined && { high: high * scale }),
    };
    if (place === undefined) spans.push(scaled);
    else points.push({ x: place, ...scaled });
  }
  if (points.length + spans.length === 0) return undefined;
  return { name, points: points.sort((a, b) => a.x - b.x), spans };
}

/** The published rows as records beside those of the scores: for the files with the data behind a figure. */
export function publishedRecords(
  used: Iterable<PublishedRow>,
  { x, y }: Pick<PublishedRecipe, 'x' | 'y'>,
  rows: readonly ScoreRow[],
): readonly ScoreRow[] {
  const axes = axisNames(rows);
  return [...used].map((row) => {
    const { value, low, high } = row.numbers[y]!;
    const labels = Object.entries(row.axes).filter(([axis]) => axes.includes(axis));
    const place = axes.includes(x) ? undefined : row.axes[x];
    return {
      axes: { ...Object.fromEntries(labels), publishedIn: row.source },
      values: {
        ...(place !== undefined && { [x]: labelNumber(place) ?? null }),
        [publishedName(y)]: value,
        ...(low !== undefined && { [`${publishedName(y)}Low`]: low }),
        ...(high !== undefined && { [`${publishedName(y)}High`]: high }),
      },
    };
  });
}

/** Whether a row is about the panel and the line of a score. */
function fits(row: PublishedRow, score: ScoreRow, axes: readonly string[]): boolean {
  return axes.every((axis) => {
    const text = row.axes[axis];
    const label = score.axes[axis];
    return text === undefined || (label !== undefined && isLabel(label, text));
  });
}

/** The places of a row on x; `undefined` is the whole panel. No place at all if it is not about these scores. */
function placesOf(
  row: PublishedRow,
  rows: readonly ScoreRow[],
  { x, placed, positionOf }: PublishedRecipe,
): readonly (number | undefined)[] {
  const text = row.axes[x];
  const others = axisNames(rows).filter((axis) => axis !== x && !placed.includes(axis));
  if (text !== undefined || positionOf !== undefined) {
    // What is not drawn must be about the scores all the same: a constant axis of theirs, such as the model.
    if (!rows.some((score) => fits(row, score, others))) return [];
    if (text === undefined) return [undefined];
    const place = positionOf === undefined ? labelNumber(text) : positionOfText(text, rows, x, positionOf);
    return place === undefined ? [] : [place];
  }
  const alike = rows.filter((score) => fits(row, score, others));
  const varying = others.filter((axis) => axisLabels(rows, axis).length > 1);
  if (alike.length > 0 && varying.every((axis) => row.axes[axis] === undefined)) return [undefined];
  return alike.flatMap(({ values }) => values[x] ?? []);
}

function positionOfText(
  text: string,
  rows: readonly ScoreRow[],
  axis: string,
  positionOf: (label: Label) => number | undefined,
): number | undefined {
  const known = axisLabels(rows, axis).find((label) => isLabel(label, text));
  return positionOf(known ?? text);
}
