import { expect, it } from 'vitest';
import { readMarkdownTable } from '../../../src/report/html/markdown-table.ts';
import {
  headingToMarkdown,
  pivot,
  tableToMarkdown,
  warningsToMarkdown,
  type Table,
} from '../../../src/report/table.ts';

it('reads back what the tables write, whatever their labels are', () => {
  const labels = ['plain', 'a|b', '\\', '\\|', '*star* `code`', '[link](x)', '<b>', ''];
  const rows = labels.map((attack, index) => ({
    axes: { attack },
    values: { accuracy: index / 10, accuracyLow: 0, accuracyHigh: 1 },
  }));
  const table = pivot(rows, { rows: ['attack'], columns: [], values: ['accuracy'] }) as Table;
  const markdown =
    headingToMarkdown('A | title') + tableToMarkdown(table) + warningsToMarkdown(['mind | the gap']);
  const read = readMarkdownTable(markdown);
  expect(read.rows?.map(([label]) => label)).toEqual(['attack', ...labels]);
  expect(read.rows?.map(([, value]) => value).slice(0, 3)).toEqual([
    'accuracy',
    '0.0 % [0.0, 100.0]',
    '10.0 % [0.0, 100.0]',
  ]);
  expect(read.notes).toEqual(['Warning: mind | the gap']);
});

it('has no table where there is none, and keeps its lines', () => {
  expect(readMarkdownTable('# A heading\n\nonly text')).toEqual({
    rows: null,
    bold: [],
    notes: ['only text'],
  });
  expect(readMarkdownTable('| one |\n| two |').rows).toBeNull();
});
