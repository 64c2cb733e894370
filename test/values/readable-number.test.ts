import { describe, expect, it } from 'vitest';
import { formatMetric } from '../../src/dashboard/format.ts';
import { failedSanityChecks } from '../../src/metrics/sanity-checks.ts';
import { curvesFromRows } from '../../src/report/curves-from-rows.ts';
import { formatMeasured } from '../../src/report/format.ts';
import { claimsOfRows } from '../../src/report/html/claims-of-rows.ts';
import { pivot, tableToMarkdown, type Table } from '../../src/report/table.ts';
import { explainDifference } from '../../src/runtime/plan/explain-difference.ts';
import {
  exactNumber,
  greyLevels,
  isShare,
  readableJson,
  readableLabel,
  readableRadius,
} from '../../src/values/readable-number.ts';

const scores = (...epsilons: number[]) =>
  epsilons.map((epsilon, index) => ({ axes: { epsilon }, values: { accuracy: 0.9 - 0.1 * index } }));

describe('greyLevels', () => {
  it('writes whole and half grey levels as fractions, also after float32 has rounded them', () => {
    for (let levels = 0.5; levels < 255; levels += 0.5) {
      const value = levels / 255;
      const isShort = Number(value.toPrecision(3)) === value;
      expect(greyLevels(value)).toBe(isShort ? null : `${levels}/255`);
      expect(greyLevels(Math.fround(value))).toBe(isShort ? null : `${levels}/255`);
    }
  });
  it('leaves short decimals and everything outside of (0, 1) alone', () => {
    for (const value of [0, 0.2, Math.fround(0.2), 0.3, 0.031, 0.0314, 0.06, 0.5, 1, 1.5, 128 / 64, -8 / 255])
      expect(greyLevels(value)).toBeNull();
    expect(greyLevels(Number.NaN)).toBeNull();
  });
});

describe('numbers and labels for readers', () => {
  it('writes a radius as grey levels or rounded', () => {
    expect(readableRadius(2 / 255, 3)).toBe('2/255');
    expect(readableRadius(0.0123456, 3)).toBe('0.0123');
    expect(readableRadius(128 / 255, 3)).toBe('128/255');
  });
  it('leaves labels that somebody has typed as they are, and shortens those that were computed', () => {
    expect(readableLabel(0.12345678)).toBe('0.12345678');
    expect(readableLabel(0.15151092410087585)).toBe('0.151511');
    expect(readableLabel(8 / 255)).toBe('8/255');
    expect(readableLabel('0.15151092410087585')).toBe('0.15151092410087585');
  });
  it('writes parameters so that reading them gives the same number', () => {
    expect(exactNumber(8 / 255)).toBe('8/255');
    expect(exactNumber(Math.fround(8 / 255))).toBe(String(Math.fround(8 / 255)));
    expect(readableJson([0, 2 / 255, 0.1])).toBe('[0,2/255,0.1]');
  });
  it('knows shares by the end of their name, and a learning rate as none', () => {
    for (const name of ['latentShare', 'fooledRate', 'successRateLow', 'cleanAccuracy', 'share'])
      expect(isShare(name)).toBe(true);
    for (const name of ['learningRate', 'shared', 'sharedImages', 'rateOfChange', 'epsilon'])
      expect(isShare(name)).toBe(false);
    expect(formatMetric('latentShare', 0.25)).toBe('latent share 25.0 %');
    expect(formatMeasured('latentShare', { value: 0.25 })).toBe('25.0 %');
    expect(formatMetric('compressionRate', 3.5)).toBe('compression rate 3.5');
  });
});

describe('a radius of 2/255', () => {
  it('is 2/255 in tables, claims, warnings, ticks, scores and reasons', () => {
    const rows = scores(2 / 255, 8 / 255);
    const table = pivot(rows, { rows: ['epsilon'], columns: [], values: ['accuracy'] }) as Table;
    expect(tableToMarkdown(table)).toContain('| 2/255');
    const axes = {
      model: 'model',
      defense: 'defense',
      attack: 'attack',
      budget: 'epsilon',
      knowledge: 'box',
    };
    expect(claimsOfRows(rows, axes).map(({ budget }) => budget)).toEqual(['epsilon 2/255', 'epsilon 8/255']);
    const curves = curvesFromRows(rows, {
      x: 'epsilon',
      y: 'accuracy',
      panel: [],
      series: [],
      title: '',
      clean: false,
    });
    expect(curves).toMatchObject({ xTicks: [{ label: '2/255' }, { label: '8/255' }] });
    const rising = [
      { axes: { epsilon: 2 / 255 }, values: { accuracy: 0.1, n: 1000 } },
      { axes: { epsilon: 8 / 255 }, values: { accuracy: 0.9, n: 1000 } },
    ];
    const checked = failedSanityChecks(rising, {
      rising: [{ axis: 'epsilon', labels: [2 / 255, 8 / 255], meaning: 'wrong' }],
      transfer: { source: 'source', target: 'target' },
    });
    expect(JSON.stringify(checked)).toContain('10.0 % at epsilon=2/255 to 90.0 % at epsilon=8/255');
    expect(formatMeasured('epsilon', { value: 2 / 255 })).toBe('2/255');
    expect(formatMetric('epsilon', 2 / 255)).toBe('epsilon 2/255');
    expect(explainDifference({ with: { epsilon: 2 / 255 } }, { with: { epsilon: 0.1 } })).toEqual([
      'with.epsilon 2/255 → 0.1',
    ]);
  });
  it('gets round ticks beside computed strengths', () => {
    const curves = curvesFromRows(scores(0, 0.05050364136695862, 0.15151092410087585), {
      x: 'epsilon',
      y: 'accuracy',
      panel: [],
      series: [],
      title: '',
      clean: false,
    });
    expect(curves).not.toHaveProperty('xTicks');
  });
});
