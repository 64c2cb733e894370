import type { Curves } from './curves-data.ts';
import { distinctLooks, seriesLook, type SeriesLook } from './palette.ts';
import { axisLabels, type Label, type ScoreRow } from './rows.ts';

/**
 * Finds the place of a row's line among all lines that figures of a pipeline can have: with a single axis, the place of its label among all
 * labels of that axis; with several, the place among all combinations. A label has the same place in every figure, whichever labels
 * that figure shows. `known` are the labels that the pipeline has on each axis; labels that only the rows have come after them, and `none`, which
 * the others are compared with, comes first.
 */
export function seriesPlaces(
  rows: readonly ScoreRow[],
  axes: readonly string[],
  known: Readonly<Record<string, readonly Label[]>>,
): (row: ScoreRow) => number {
  const labels = axes.map((axis) => {
    const all = [...(Object.hasOwn(known, axis) ? known[axis]! : []), ...axisLabels(rows, axis)];
    return [...new Set(all.includes('none') ? ['none', ...all] : all)];
  });
  return (row) =>
    axes.reduce((place, axis, index) => {
      const label = row.axes[axis];
      const own = label === undefined ? 0 : labels[index]!.indexOf(label);
      return place * labels[index]!.length + own;
    }, 0);
}

/**
 * The look of each line of a figure, by its place, or by its order if it has none. Of two lines with the same look, which places far
 * apart can have, the later one gets the next look that is free.
 */
export function looksOf(names: readonly string[], { panels }: Curves): ReadonlyMap<string, SeriesLook> {
  const places = new Map(panels.flatMap(({ series }) => series.map(({ name, place }) => [name, place])));
  const taken = new Set<number>();
  return new Map(
    names.map((name, index) => {
      let place = (places.get(name) ?? index) % distinctLooks;
      while (taken.has(place) && taken.size < distinctLooks) place = (place + 1) % distinctLooks;
      taken.add(place);
      return [name, seriesLook(place)];
    }),
  );
}
