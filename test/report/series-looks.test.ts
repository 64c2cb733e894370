import { describe, expect, test } from 'vitest';
import { seriesLook } from '../../src/report/palette.ts';
import type { ScoreRow } from '../../src/report/rows.ts';
import { looksOf, seriesPlaces } from '../../src/report/series-looks.ts';

const rowOf = (axes: ScoreRow['axes']): ScoreRow => ({ axes, values: {} });
const curvesOf = (series: readonly { readonly name: string; readonly place?: number }[]) => ({
  title: '',
  xLabel: '',
  yLabel: '',
  panels: [{ title: '', series: series.map((one) => ({ ...one, points: [] })) }],
});

describe('the place of a line', () => {
  const known = { defense: ['none', 'crop', 'jpeg'], model: ['small', 'large'] };

  test('is that of its label in the pipeline, and labels that the pipeline lacks come after them', () => {
    const rows = [{ defense: 'jpeg' }, { defense: 'own' }].map(rowOf);
    expect(rows.map(seriesPlaces(rows, ['defense'], known))).toEqual([2, 3]);
    expect(rows.map(seriesPlaces(rows, ['defense'], {}))).toEqual([0, 1]);
  });

  test('is the first for none, wherever the document has it', () => {
    const rows = ['jpeg', 'none'].map((defense) => rowOf({ defense }));
    expect(rows.map(seriesPlaces(rows, ['defense'], { defense: ['crop', 'jpeg', 'none'] }))).toEqual([2, 0]);
  });

  test('is that of the combination of several labels', () => {
    const rows = [
      { model: 'small', defense: 'jpeg' },
      { model: 'large', defense: 'none' },
      { model: 'large', defense: 'jpeg' },
    ].map(rowOf);
    expect(rows.map(seriesPlaces(rows, ['model', 'defense'], known))).toEqual([2, 3, 5]);
  });

  test('is 0 for the only line of a figure without an axis of lines', () => {
    const rows = [rowOf({ strength: 0.1 })];
    expect(rows.map(seriesPlaces(rows, [], {}))).toEqual([0]);
  });
});

describe('the looks of a figure', () => {
  test('are by place, or by order for lines without one', () => {
    const placed = curvesOf([
      { name: 'jpeg', place: 5 },
      { name: 'none', place: 0 },
    ]);
    expect([...looksOf(['jpeg', 'none'], placed).values()]).toEqual([seriesLook(5), seriesLook(0)]);
    const ordered = curvesOf([{ name: 'jpeg' }, { name: 'none' }]);
    expect([...looksOf(['jpeg', 'none'], ordered).values()]).toEqual([seriesLook(0), seriesLook(1)]);
  });

  test('are never the same for two lines, though the 65th place has the look of the first', () => {
    const curves = curvesOf([
      { name: 'first', place: 0 },
      { name: 'far', place: 64 },
    ]);
    expect([...looksOf(['first', 'far'], curves).values()]).toEqual([seriesLook(0), seriesLook(1)]);
  });
});
