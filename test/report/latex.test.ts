import { describe, expect, it } from 'vitest';
import { bestPlaces, type BoldChoice } from '../../src/report/best.ts';
import { readMarkdownTable } from '../../src/report/html/markdown-table.ts';
import { latexText, tableToLatex } from '../../src/report/latex.ts';
import { pivot, tableToMarkdown, type Table } from '../../src/report/table.ts';

const rows = [
  ['none', 0.1, 0.9],
  ['jpeg_75', 0.3, 0.8],
  ['tvm & co', 0.3, 0.7],
].flatMap(([defense, one, two]) => [
  { axes: { defense: String(defense), attack: 'fgsm' }, values: { accuracy: Number(one) } },
  { axes: { defense: String(defense), attack: 'pgd' }, values: { accuracy: Number(two) } },
]);
const labels = { fgsm: 'FGSM', none: 'no defense', defense: 'Defense' };
const table = pivot(rows, { rows: ['defense'], columns: ['attack'], values: ['accuracy'], labels }) as Table;

describe('a table for LaTeX', () => {
  it('has the rules of booktabs, names for readers, and bold numbers', () => {
    const bold = bestPlaces(table, 'highest in columns');
    expect(tableToLatex(table, { labels, bold, notes: ['of 200 images'] })).toBe(
      [
        '% \\usepackage{booktabs} and \\usepackage[T1]{fontenc}',
        '\\begin{tabular}{lrr}',
        '\\toprule',
        'Defense & FGSM & pgd \\\\',
        '\\midrule',
        'no defense & 10.0\\,\\% & \\textbf{90.0\\,\\%} \\\\',
        'jpeg\\_75 & \\textbf{30.0\\,\\%} & 80.0\\,\\% \\\\',
        'tvm \\& co & \\textbf{30.0\\,\\%} & 70.0\\,\\% \\\\',
        '\\bottomrule',
        '\\end{tabular}',
        '% of 200 images',
        '',
      ].join('\n'),
    );
  });

  it('escapes what LaTeX reads as commands', () => {
    expect(latexText('\\input{x} $a^b_c~#%')).toBe(
      '\\textbackslash{}input\\{x\\} \\$a\\textasciicircum{}b\\_c\\textasciitilde{}\\#\\%',
    );
    expect(latexText('ε ≤ 8/255 ± 1')).toBe('$\\varepsilon$ $\\leq$ 8/255 $\\pm$ 1');
  });
});

it.each<[BoldChoice, readonly string[]]>([
  ['none', []],
  ['highest in columns', ['1,0', '2,0', '0,1']],
  ['lowest in columns', ['0,0', '2,1']],
  ['highest in rows', ['0,1', '1,1', '2,1']],
  ['lowest in rows', ['0,0', '1,0', '2,0']],
])('the best numbers are those %s', (choice, places) => {
  expect([...bestPlaces(table, choice)]).toEqual(places);
});

it('bold numbers are read back from Markdown, and starred labels are not taken for them', () => {
  const starred = pivot(
    rows.map((row) => ({ ...row, axes: { ...row.axes, defense: `**${row.axes.defense}**` } })),
    { rows: ['defense'], columns: ['attack'], values: ['accuracy'] },
  ) as Table;
  const read = readMarkdownTable(tableToMarkdown(starred, { bold: new Set(['0,1']) }));
  expect(read.bold).toEqual(['1,2']);
  expect(read.rows?.[1]).toEqual(['**none**', '10.0 %', '90.0 %']);
});
