import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meanOver } from '../../src/report/mean-over.ts';
import { formatMeasured } from '../../src/report/format.ts';
import { measured, pivot, tableToCsv, tableToText } from '../../src/report/table.ts';

const row = (axes: Record<string, string | number>, values: Record<string, number | null>) => ({
  axes,
  values,
});

describe('meanOver', () => {
  it('gives the mean and the sample standard deviation of each number over the labels of an axis', () => {
    const rows = [
      row({ defense: 'none', seed: 1 }, { accuracy: 0.5, accuracyLow: 0.4, accuracyHigh: 0.6 }),
      row({ defense: 'none', seed: 2 }, { accuracy: 0.6, accuracyLow: 0.5, accuracyHigh: 0.7 }),
      row({ defense: 'none', seed: 3 }, { accuracy: 0.7, accuracyLow: 0.6, accuracyHigh: 0.8 }),
      row({ defense: 'bits', seed: 1 }, { accuracy: 0.9, accuracyLow: 0.8, accuracyHigh: 1 }),
    ];
    const close = (value: number) => expect.closeTo(value, 12) as number;
    expect(meanOver(rows, ['seed'])).toEqual([
      row(
        { defense: 'none' },
        {
          accuracy: close(0.6),
          accuracyDeviation: close(0.1),
          accuracyLow: close(0.5),
          accuracyHigh: close(0.7),
          repeats: 3,
        },
      ),
      row(
        { defense: 'bits' },
        { accuracy: 0.9, accuracyDeviation: null, accuracyLow: null, accuracyHigh: null, repeats: 1 },
      ),
    ]);
  });

  it('has no mean of a number that is undefined in one of the repeats', () => {
    const rows = [row({ seed: 1 }, { rate: 0.5 }), row({ seed: 2 }, { rate: null })];
    expect(meanOver(rows, ['seed'])[0]!.values).toMatchObject({ rate: null, rateDeviation: null });
  });

  it('leaves the rows alone without an axis', () => {
    const rows = [row({ seed: 1 }, { rate: 0.5 })];
    expect(meanOver(rows, [])).toBe(rows);
  });

  it('agrees with the definition of the variance for any numbers, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2 }), (values) => {
        const rows = values.map((value, seed) => row({ seed }, { value }));
        const [{ values: found }] = meanOver(rows, ['seed']) as [ReturnType<typeof row>];
        const pairs = values.flatMap((a) => values.map((b) => (a - b) ** 2));
        // s² = Σᵢⱼ (vᵢ − vⱼ)² / (2 n (n − 1))
        const variance =
          pairs.reduce((sum, value) => sum + value, 0) / (2 * values.length * (values.length - 1));
        expect(found['valueDeviation']! ** 2).toBeCloseTo(variance, 10);
        expect(meanOver([...rows].reverse(), ['seed'])[0]!.values['value']).toBeCloseTo(found['value']!, 10);
      }),
    );
  });

  it('is written as mean ± standard deviation, and as a column of its own in CSV', () => {
    const rows = meanOver(
      [1, 2, 3].flatMap((seed) => [
        row({ defense: 'none', seed }, { accuracy: 0.4 + seed / 10, l2: seed }),
        row({ defense: 'bits', seed }, { accuracy: 0.5, l2: 2 }),
      ]),
      ['seed'],
    );
    expect(formatMeasured('accuracy', measured(rows[0], 'accuracy'))).toBe('60.0 % ± 10.0');
    const table = pivot(rows, { rows: ['defense'], columns: [], values: ['accuracy', 'l2'] });
    if ('clash' in table) throw new Error('clash');
    expect(tableToText(table)).toBe(
      [
        'defense       accuracy     l2',
        'none     60.0 % ± 10.0  2 ± 1',
        'bits      50.0 % ± 0.0  2 ± 0',
        '',
      ].join('\n'),
    );
    expect(tableToCsv(table).split(/\r?\n/)[0]).toBe('defense,accuracy,accuracy std,l2,l2 std');
  });
});
