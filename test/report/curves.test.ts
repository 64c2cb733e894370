import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { curvesFromRows, type CurvesRecipe } from '../../src/report/curves-from-rows.ts';
import { layoutCurves } from '../../src/report/curves-layout.ts';
import { drawCurves } from '../../src/report/curves.ts';
import type { Curves } from '../../src/report/curves-data.ts';
import { svgToPng } from '../../src/report/raster.ts';
import { seriesLook } from '../../src/report/palette.ts';
import type { ScoreRow } from '../../src/report/rows.ts';
import { invert, niceDomain, ticks } from '../../src/report/scale.ts';

const rows: ScoreRow[] = [];
for (const attack of ['fgsm', 'deepfool']) {
  for (const defense of ['none', 'jpeg']) {
    for (const strength of [0.04, 0, 0.02]) {
      const accuracy = defense === 'none' ? 0.9 - 10 * strength : 0.8 - 5 * strength;
      const values = {
        accuracy,
        accuracyLow: accuracy - 0.02,
        accuracyHigh: accuracy + 0.02,
        dissimilarity: strength * 2,
      };
      rows.push({ axes: { attack, defense, strength }, values });
    }
  }
}
const recipe = {
  x: 'strength',
  y: 'accuracy',
  panel: ['attack'],
  series: ['defense'],
  title: '',
  clean: true,
};

function curvesOf(from: readonly ScoreRow[], changes: Partial<CurvesRecipe> = {}): Curves {
  const curves = curvesFromRows(from, { ...recipe, ...changes });
  if ('clash' in curves) throw new Error('the rows clash');
  return curves;
}

describe('scales', () => {
  test('ticks are round and lie inside the range', () => {
    expect(ticks(0, 0.08, 5)).toEqual([0, 0.02, 0.04, 0.06, 0.08]);
    expect(ticks(0, 100, 5)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(ticks(-3, 7, 5)).toEqual([-2, 0, 2, 4, 6]);
    expect(ticks(2, 2, 5)).toEqual([2]);
  });

  test('a domain holds all values, and is usable without any', () => {
    expect(niceDomain([0.13, 0.87], 5)).toEqual([0.1, 0.9]);
    expect(niceDomain([], 5)).toEqual([0, 1]);
    expect(niceDomain([NaN, 3], 5)).toEqual([1.5, 4.5]);
  });

  test('the first 64 series all look different', () => {
    const looks = Array.from({ length: 64 }, (_, index) => JSON.stringify(seriesLook(index)));
    expect(new Set(looks).size).toBe(64);
  });
});

describe('curves from rows', () => {
  test('one panel a label, one line a label, points sorted by x, shares in per cent', () => {
    const curves = curvesOf(rows);
    expect(curves.panels.map((panel) => panel.title)).toEqual(['fgsm', 'deepfool']);
    expect(curves.panels[0]!.series.map((series) => series.name)).toEqual(['none', 'jpeg']);
    expect(curves.panels[0]!.series[0]!.points.map((point) => point.x)).toEqual([0, 0.02, 0.04]);
    expect(curves.panels[0]!.series[0]!.points.map((point) => Math.round(point.y!))).toEqual([90, 70, 50]);
    expect([curves.xLabel, curves.yLabel]).toEqual(['strength', 'top-1 accuracy (%)']);
  });

  test('the clean line is the undefended accuracy at strength 0', () => {
    const jpegFirst = rows.toSorted((a, b) =>
      String(a.axes['defense']).localeCompare(String(b.axes['defense'])),
    );
    expect(curvesOf(jpegFirst).panels.map((panel) => Math.round(panel.clean!))).toEqual([90, 90]);
    expect(curvesOf(rows, { clean: false }).panels[0]!.clean).toBeUndefined();
  });

  test('x may be an achieved number', () => {
    const points = curvesOf(rows, { x: 'dissimilarity' }).panels[0]!.series[0]!.points;
    expect(points.map((point) => point.x)).toEqual([0, 0.04, 0.08]);
  });

  test('fractions stand at their value and keep their text, other labels stand evenly', () => {
    const fractions = ['8/255', '2/255'].map((epsilon) => ({ axes: { epsilon }, values: { accuracy: 0.5 } }));
    expect(curvesOf(fractions, { x: 'epsilon', panel: [], series: [] }).xTicks).toEqual([
      { at: 8 / 255, label: '8/255' },
      { at: 2 / 255, label: '2/255' },
    ]);
    const named = ['b', 'a'].map((model) => ({ axes: { model }, values: { accuracy: 0.5 } }));
    const byName = curvesOf(named, { x: 'model', panel: [], series: [] });
    expect(byName.xTicks!.map((tick) => tick.at)).toEqual([0, 1]);
    // Place 0 is not strength 0.
    expect(byName.panels[0]!.clean).toBeUndefined();
  });

  test('lines of other labels stay apart when labels give them one name', () => {
    for (const labels of [{ jpeg: 'none' }, { jpeg: 'JPEG', none: 'JPEG' }]) {
      const { series } = curvesOf(rows, { x: 'dissimilarity', labels }).panels[0]!;
      expect(series.map(({ name, points }) => [name, points.length])).toEqual([
        ['none', 3],
        ['jpeg', 3],
      ]);
    }
  });

  test('two rows at one x of one line are a clash', () => {
    const result = curvesFromRows(rows, { ...recipe, series: [] });
    expect(result).toMatchObject({
      clash: { first: { axes: { defense: 'none' } }, second: { axes: { defense: 'jpeg' } } },
    });
  });
});

describe('drawn curves', () => {
  test('every marker stands where its data say', () => {
    const curves = curvesOf(rows);
    const layout = layoutCurves(curves);
    const svg = drawCurves(curves);
    let seen = 0;
    for (const panel of layout.panels) {
      const drawn = svg
        .split('<g class="panel"')
        .find((part) => part.startsWith(` data-panel="${panel.content.title}"`))!;
      for (const [tag] of drawn.matchAll(/<(?:circle|path)[^>]*data-x[^>]*>/g)) {
        const place = /cx="([\d.]+)" cy="([\d.]+)"/.exec(tag) ?? /translate\(([\d.]+) ([\d.]+)\)/.exec(tag)!;
        const data = /data-x="([^"]+)" data-y="([^"]+)"/.exec(tag)!;
        expect(invert(panel.x, Number(place[1]))).toBeCloseTo(Number(data[1]), 4);
        expect(invert(panel.y, Number(place[2]))).toBeCloseTo(Number(data[2]), 1);
        seen++;
      }
    }
    expect(seen).toBe(12);
  });

  test('a missing number interrupts the line', () => {
    const point = (x: number, y: number | null) => ({ x, y });
    const series = [
      {
        name: 's',
        points: [point(0, 1), point(1, 2), point(2, null), point(3, 1), point(4, NaN), point(5, 1)],
      },
    ];
    const svg = drawCurves({ title: '', xLabel: 'x', yLabel: 'y', panels: [{ title: 'p', series }] });
    const line = /<path d="(M[^"]*)" fill="none" stroke="#0072B2" stroke-width="1.6"/.exec(svg)![1]!;
    expect(line.match(/[ML]/g)!.join('')).toBe('MLMM');
    expect(svg).not.toContain('NaN');
  });

  test.each([0, 1, 2, 3, 4, 5, 7, 12])(
    '%i panels render to the size that the document states',
    async (count) => {
      const panel = (index: number) => ({
        title: `panel ${index} <&"'> with a label that is much longer than the panel is wide`,
        series: [
          { name: `a > b & c\u0000 \uD800 ${index}`, points: [{ x: 0.5, y: 0.5, low: 0.4, high: 0.6 }] },
        ],
        clean: 0.9,
      });
      const curves = {
        title: 'A & B',
        xLabel: 'x',
        yLabel: 'y',
        panels: Array.from({ length: count }, (_, i) => panel(i)),
      };
      const layout = layoutCurves(curves);
      const { width, height } = await sharp(Buffer.from(await svgToPng(drawCurves(curves), 1))).metadata();
      expect([width, height]).toEqual([layout.width, layout.height]);
      for (const { right, bottom } of layout.panels) {
        expect(right).toBeLessThan(layout.width);
        expect(bottom).toBeLessThan(layout.height);
      }
    },
  );

  test('the same look belongs to the same series in every panel', () => {
    const one = (name: string) => ({ name, points: [{ x: 0, y: 1 }] });
    const svg = drawCurves({
      title: '',
      xLabel: 'x',
      yLabel: 'y',
      panels: [
        { title: 'first', series: [one('a'), one('b')] },
        { title: 'second', series: [one('b')] },
      ],
    });
    const second = svg.slice(svg.indexOf('data-panel="second"'), svg.indexOf('class="legend"'));
    expect(second).toContain(seriesLook(1).colour);
    expect(second).not.toContain(seriesLook(0).colour);
  });
});
