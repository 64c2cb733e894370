import { visibleLine } from '../console/visible-text.ts';
import { formatPair } from './format.ts';
import { labelled, type Labels } from './labels.ts';
import type { Table } from './table.ts';

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '&': '\\&',
  '%': '\\%',
  $: '\\$',
  '#': '\\#',
  _: '\\_',
  '{': '\\{',
  '}': '\\}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '|': '\\textbar{}',
  '"': '\\textquotedbl{}',
  '–': '--',
  '—': '---',
  '…': '\\ldots{}',
  '±': '$\\pm$',
  '×': '$\\times$',
  '−': '$-$',
  '→': '$\\to$',
  '≤': '$\\leq$',
  '≥': '$\\geq$',
  '∞': '$\\infty$',
  '‖': '$\\Vert$',
  '·': '$\\cdot$',
  '₂': '$_2$',
  α: '$\\alpha$',
  β: '$\\beta$',
  γ: '$\\gamma$',
  δ: '$\\delta$',
  ε: '$\\varepsilon$',
  λ: '$\\lambda$',
  μ: '$\\mu$',
  σ: '$\\sigma$',
};

/** Text of one line that means itself in LaTeX. */
export function latexText(text: string): string {
  return Array.from(visibleLine(text), (character) => escapes[character] ?? character).join('');
}

/**
 * Writes a table for LaTeX with the rules of the package booktabs: a `tabular` that stands in a `table` of one's own, with the packages it needs in
 * a comment above. `bold` are the places, as `row,column`, of the numbers in bold.
 */
export function tableToLatex(
  table: Table,
  {
    labels,
    bold,
    notes,
  }: { readonly labels?: Labels; readonly bold: ReadonlySet<string>; readonly notes: readonly string[] },
): string {
  const name = (label: string | number | boolean): string => latexText(labelled(labels, label));
  const heads = [
    ...table.rowAxes.map((axis) => name(axis)),
    ...table.columns.map(({ heading }) => latexText(heading)),
  ];
  const lines = table.rows.map(({ labels: own, cells }, row) => [
    ...own.map((label) => (label === null ? '--' : name(label))),
    ...cells.map((cell, column) => {
      const text = latexText(formatPair(table.columns[column]!.value, cell)).replace(' \\%', '\\,\\%');
      return bold.has(`${row},${column}`) ? `\\textbf{${text}}` : text;
    }),
  ]);
  const sides = 'l'.repeat(table.rowAxes.length) + 'r'.repeat(table.columns.length);
  return [
    '% \\usepackage{booktabs} and \\usepackage[T1]{fontenc}',
    `\\begin{tabular}{${sides}}`,
    '\\toprule',
    `${heads.join(' & ')} \\\\`,
    '\\midrule',
    ...lines.map((line) => `${line.join(' & ')} \\\\`),
    '\\bottomrule',
    '\\end{tabular}',
    ...notes.map((note) => `% ${visibleLine(note)}`),
    '',
  ].join('\n');
}
