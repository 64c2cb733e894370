import { formatMeasured, type Measured } from '../format.ts';
import type { Label } from '../rows.ts';
import { html, table, text, type Field } from './elements.ts';
import { withQuietInterval } from './figures-section.ts';
import type { ScoreTable } from './run-report.ts';

/** The table of every score, its intervals beside the numbers. The script of the page adds a field that filters its rows. */
export function scoresSection({ columns, rows, total }: ScoreTable): string {
  if (rows.length === 0) return '';
  const shown = columns.filter((name) => !isBeside(name, columns));
  const left = total - rows.length;
  return html(
    'section',
    { id: 'scores' },
    html('h2', {}, 'All scores'),
    html(
      'details',
      {},
      html(
        'summary',
        {},
        left > 0 ? `The first ${rows.length} of ${total} rows` : total === 1 ? '1 row' : `${total} rows`,
      ),
      left > 0 ? html('p', {}, "'ravelin metrics --csv' prints all of them.") : '',
      table(
        'Scores of every cell, with 95 % intervals',
        shown.map((head) => ({ head, isNumber: isNumber(rows, columns.indexOf(head)) })),
        rows.map((row) => shown.map((name) => field(name, columns, row))),
      ),
    ),
  );
}

const besides = ['Low', 'High', 'Deviation'] as const;

/** Whether a column has the interval or the deviation of another one. */
function isBeside(name: string, columns: readonly string[]): boolean {
  return besides.some((end) => name.endsWith(end) && columns.includes(name.slice(0, -end.length)));
}

function isNumber(rows: ScoreTable['rows'], column: number): boolean {
  return rows.every((row) => row[column] === null || typeof row[column] === 'number');
}

function field(name: string, columns: readonly string[], row: readonly (Label | null)[]): Field {
  const at = (column: string): Label | null => row[columns.indexOf(column)] ?? null;
  const value = at(name);
  if (value === null) return { html: '–' };
  if (typeof value !== 'number') return { html: text(String(value)) };
  const beside = (end: (typeof besides)[number]): number | undefined => {
    const number = at(`${name}${end}`);
    return typeof number === 'number' ? number : undefined;
  };
  const [low, high, deviation] = [beside('Low'), beside('High'), beside('Deviation')];
  const measured: Measured = {
    value,
    ...(low !== undefined && { low }),
    ...(high !== undefined && { high }),
    ...(deviation !== undefined && { deviation }),
  };
  return { html: withQuietInterval(formatMeasured(name, measured)), sort: value };
}
