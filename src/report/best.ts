import type { Table } from './table.ts';

export const boldChoices = [
  'none',
  'highest in columns',
  'lowest in columns',
  'highest in rows',
  'lowest in rows',
] as const;
export type BoldChoice = (typeof boldChoices)[number];

/** The places, as `row,column`, of the best numbers of each row or column of a table; equal ones are all best. Empty for `none`. */
export function bestPlaces({ rows, columns }: Table, choice: BoldChoice): ReadonlySet<string> {
  const best = new Set<string>();
  if (choice === 'none') return best;
  const [which, along] = choice.split(' in ');
  const lines =
    along === 'columns'
      ? columns.map((_, column) => rows.map((_row, row) => [row, column] as const))
      : rows.map((_, row) => columns.map((_column, column) => [row, column] as const));
  for (const line of lines) {
    const numbers = line.flatMap(([row, column]) => {
      const value = rows[row]!.cells[column]?.value;
      return typeof value === 'number' && Number.isFinite(value) ? [{ row, column, value }] : [];
    });
    const values = numbers.map(({ value }) => value);
    const target = which === 'highest' ? Math.max(...values) : Math.min(...values);
    for (const { row, column, value } of numbers) if (value === target) best.add(`${row},${column}`);
  }
  return best;
}
