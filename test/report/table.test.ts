import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toCsv } from '../../src/report/csv.ts';
import { markdownText } from '../../src/report/markdown-text.ts';
import { labelNumber, scoreRows } from '../../src/report/rows.ts';
import type { ScoreRow } from '../../src/report/rows.ts';
import {
  pivot,
  rowsToCsv,
  rowsToJson,
  tableToCsv,
  headingToMarkdown,
  tableToMarkdown,
  warningsToMarkdown,
  tableToText,
} from '../../src/report/table.ts';
import type { Table } from '../../src/report/table.ts';

const rows: readonly ScoreRow[] = [
  {
    axes: { attack: 'fgsm', strength: 0 },
    values: { accuracy: 0.9861, accuracyLow: 0.979, accuracyHigh: 0.9912, l2: 0 },
  },
  {
    axes: { attack: 'fgsm', strength: 0.06 },
    values: { accuracy: 0.1, accuracyLow: 0.08, accuracyHigh: 0.12, l2: 1.23456 },
  },
  { axes: { attack: 'a|b', strength: 0 }, values: { accuracy: null, l2: 2 } },
];

function tableOf(shape: { rows: string[]; columns: string[]; values: string[] }): Table {
  const table = pivot(rows, shape);
  if ('clash' in table) throw new Error('the rows clash');
  return table;
}

/** A second, independent reading of RFC 4180. */
function parseCsv(text: string): (string | null)[][] {
  const records: (string | null)[][] = [];
  let record: (string | null)[] = [];
  const field = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/gy;
  for (let match = field.exec(text); match !== null; match = field.exec(text)) {
    const [, raw, end] = match as unknown as [string, string, string];
    record.push(raw === '' ? null : raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
    if (end === '\r\n') {
      records.push(record);
      record = [];
    }
  }
  return records;
}

describe('tables', () => {
  test('Markdown carries the interval in the cell and escapes bars', () => {
    expect(tableToMarkdown(tableOf({ rows: ['attack'], columns: ['strength'], values: ['accuracy'] }))).toBe(
      [
        '| attack |                   0 |               0.06 |',
        '| ------ | ------------------: | -----------------: |',
        '| fgsm   | 98.6 % [97.9, 99.1] | 10.0 % [8.0, 12.0] |',
        '| a\\|b   |                   – |                  – |',
        '',
      ].join('\n'),
    );
  });

  test('text for a terminal is aligned, several values get a column each', () => {
    expect(
      tableToText(tableOf({ rows: ['attack', 'strength'], columns: [], values: ['accuracy', 'l2'] })),
    ).toBe(
      [
        'attack  strength             accuracy     l2',
        'fgsm    0         98.6 % [97.9, 99.1]      0',
        'fgsm    0.06       10.0 % [8.0, 12.0]  1.235',
        'a|b     0                           –      2',
        '',
      ].join('\n'),
    );
  });

  test('CSV carries full numbers and the ends of the intervals', () => {
    const csv = tableToCsv(tableOf({ rows: ['attack'], columns: ['strength'], values: ['accuracy'] }));
    expect(csv).toBe(
      'attack,0,0 low,0 high,0.06,0.06 low,0.06 high\r\nfgsm,0.9861,0.979,0.9912,0.1,0.08,0.12\r\na|b,,,,,,\r\n',
    );
  });

  test('an axis without a place is a clash', () => {
    expect(pivot(rows, { rows: ['attack'], columns: [], values: ['accuracy'] })).toHaveProperty('clash');
  });

  test('rows as CSV and JSON keep axes and numbers side by side', () => {
    expect(rowsToCsv(rows.slice(1))).toBe(
      'attack,strength,accuracy,accuracyLow,accuracyHigh,l2\r\nfgsm,0.06,0.1,0.08,0.12,1.23456\r\na|b,0,,,,2\r\n',
    );
    expect(JSON.parse(rowsToJson(rows.slice(2)))).toEqual([
      { attack: 'a|b', strength: 0, accuracy: null, l2: 2 },
    ]);
  });
});

test('any text and any number survive CSV', () => {
  const field = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('"', ',', '\r\n', '\n', ''),
    fc.double({ noNaN: true }),
    fc.constant(null),
  );
  fc.assert(
    fc.property(fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { maxLength: 4 }), (records) => {
      const expected = records.map((record) =>
        record.map((value) =>
          typeof value === 'string' ? `'${value}` : value === null ? null : String(value),
        ),
      );
      const without = (field: string | null, value: unknown): string | null =>
        typeof value !== 'string' || field!.startsWith(`'${value}`) ? field : `'${field}`;
      const found = parseCsv(toCsv(records)).map((record, row) =>
        record.map((field, column) => without(field, records[row]![column])),
      );
      expect(found).toEqual(expected);
    }),
  );
});

test('no text in CSV is a formula of a spreadsheet, and numbers stay numbers', () => {
  const hostile = ['=1+1', '+cmd', '-2+3', '@SUM(A1)', '\t=1', '\r=1', '＝1', '-'];
  expect(parseCsv(toCsv([hostile]))).toEqual([hostile.map((text) => `'${text}`)]);
  const harmless = ['-0.5', '+1e-3', '-8/255', '-.5', 'a=b', "'quoted", ' '];
  expect(parseCsv(toCsv([harmless]))).toEqual([harmless]);
  expect(toCsv([[-0.5, -Infinity, true, null]])).toBe('-0.5,-Infinity,true,\r\n');
});

test('text in Markdown is no link, image, tag or row of its own', () => {
  const hostile = 'a|b\\|c <img src=x> ![x](y) `d` *e*\nf\u001B[31mg\u202E';
  const safe = 'a\\|b\\\\\\|c \\<img src=x> !\\[x](y) \\`d\\` \\*e\\* f�\\[31mg�';
  expect(markdownText(hostile)).toBe(safe);
  expect(headingToMarkdown(`x\n# y`)).toBe('### x # y\n\n');
  expect(warningsToMarkdown(['w\n\n# x'])).toBe('\n- **Warning:** w  # x\n');
  const table = pivot([{ axes: { attack: hostile }, values: { accuracy: 1 } }], {
    rows: ['attack'],
    columns: [],
    values: ['accuracy'],
  });
  if ('clash' in table) throw new Error('a clash');
  expect(tableToMarkdown(table).split('\n')[2]).toBe(`| ${safe} |  100.0 % |`);
  expect(tableToText(table)).not.toMatch(/[\u0000-\u0009\u000B-\u001F]/);
});

test('an axis that is called as a number has a column of its own in the data', () => {
  const both: readonly ScoreRow[] = [{ axes: { l2: '1/2', n: 3 }, values: { l2: 0.49, accuracy: 0.5 } }];
  expect(rowsToCsv(both)).toBe('axes.l2,n,l2,accuracy\r\n1/2,3,0.49,0.5\r\n');
  expect(JSON.parse(rowsToJson(both))).toEqual([{ 'axes.l2': '1/2', n: 3, l2: 0.49, accuracy: 0.5 }]);
  const table = pivot(both, { rows: ['l2'], columns: [], values: ['l2'] });
  expect('clash' in table ? '' : tableToCsv(table)).toBe('axes.l2,l2\r\n1/2,0.49\r\n');
});

test('labels are numbers where they read as numbers', () => {
  expect(['8/255', '0.06', '1e-3', 4, 'fgsm', '', true, '1/0'].map(labelNumber)).toEqual([
    8 / 255,
    0.06,
    0.001,
    4,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test('scoreRows keeps the label of a cell whose rows have an axis of the same name', () => {
  const rows = [0.1, 0.2].map((epsilon) => ({ axes: { epsilon, part: 'a' }, values: { accuracy: epsilon } }));
  const collected = [{ axes: { epsilon: 0.1 }, value: { kind: 'metrics' as const, rows, warnings: [] } }];
  expect(scoreRows(collected).map(({ axes }) => axes)).toEqual([
    { epsilon: 0.1, 'inner.epsilon': 0.1, part: 'a' },
    { epsilon: 0.1, 'inner.epsilon': 0.2, part: 'a' },
  ]);
  const repeated = [{ axes: { part: 'a' }, value: collected[0]!.value }];
  expect(scoreRows(repeated)[0]!.axes).toEqual({ part: 'a', epsilon: 0.1 });
});
