import { markdownText } from './markdown-text.ts';
import { visibleLine } from '../console/visible-text.ts';
import { toCsv } from './csv.ts';
import type { CsvField } from './csv.ts';
import { formatPair } from './format.ts';
import type { Measured } from './format.ts';
import { publishedOf } from './join-published.ts';
import { labelled, type Labels } from './labels.ts';
import { axisColumn, axisNames, valueNames } from './rows.ts';
import type { Label, ScoreRow } from './rows.ts';

export interface TableShape {
  /** Axes whose labels begin the rows, one column each. */
  readonly rows: readonly string[];
  /** Axes whose labels head the columns; empty for one column per value. */
  readonly columns: readonly string[];
  /** Names of the numbers in the cells. */
  readonly values: readonly string[];
  /** Display names of labels and names in the headings of the columns. */
  readonly labels?: Labels;
}

/** A table that is ready to be written. A cell has a number, or is undefined if no row gave one. */
export interface Table {
  readonly rowAxes: readonly string[];
  readonly columns: readonly TableColumn[];
  readonly rows: readonly {
    readonly labels: readonly (Label | null)[];
    readonly cells: readonly (Measured | undefined)[];
  }[];
}

export interface TableColumn {
  /** Text above the column: `none`, `0.06 · accuracy`. */
  readonly heading: string;
  /** Name of the number in it. */
  readonly value: string;
}

/** Two rows belong to the same cell of the table, because some axis is neither in `rows` nor in `columns`. */
export interface TableClash {
  readonly first: ScoreRow;
  readonly second: ScoreRow;
}

/**
 * Arranges rows into a table, with labels in order of first appearance. Returns the first clash instead, if
 * there is one.
 */
export function pivot(rows: readonly ScoreRow[], shape: TableShape): Table | { readonly clash: TableClash } {
  const rowKeys = new Map<string, (Label | null)[]>();
  const columnKeys = new Map<string, (Label | null)[]>();
  const found = new Map<string, ScoreRow>();
  for (const row of rows) {
    const rowLabels = shape.rows.map((axis) => row.axes[axis] ?? null);
    const columnLabels = shape.columns.map((axis) => row.axes[axis] ?? null);
    const [rowKey, columnKey] = [JSON.stringify(rowLabels), JSON.stringify(columnLabels)];
    rowKeys.set(rowKey, rowLabels);
    columnKeys.set(columnKey, columnLabels);
    const place = `${rowKey}${columnKey}`;
    const first = found.get(place);
    if (first !== undefined) return { clash: { first, second: row } };
    found.set(place, row);
  }
  const columns: (TableColumn & { key: string })[] = [];
  for (const [key, labels] of columnKeys) {
    const prefix = labels.map((label) => labelled(shape.labels, label ?? '–')).join(' · ');
    for (const value of shape.values) {
      const name = labelled(shape.labels, value);
      const heading = prefix === '' ? name : shape.values.length === 1 ? prefix : `${prefix} · ${name}`;
      columns.push({ key, heading, value });
    }
  }
  return {
    rowAxes: shape.rows,
    columns: columns.map(({ heading, value }) => ({ heading, value })),
    rows: [...rowKeys].map(([rowKey, labels]) => ({
      labels,
      cells: columns.map(({ key, value }) => measured(found.get(`${rowKey}${key}`), value)),
    })),
  };
}

/**
 * The number `name` of a row with its standard deviation over repeats or its interval, if the row has one, and with the
 * published number that was joined to it.
 */
export function measured(row: ScoreRow | undefined, name: string): Measured | undefined {
  if (row === undefined) return undefined;
  const own = ownNumber(row, name);
  const published = publishedOf(row.values, name);
  return published === undefined ? own : { value: null, ...own, published };
}

function ownNumber(row: ScoreRow, name: string): Measured | undefined {
  const value = row.values[name];
  if (value === undefined) return undefined;
  const deviation = row.values[`${name}Deviation`];
  if (deviation !== undefined) return { value, deviation };
  const [low, high] = [row.values[`${name}Low`], row.values[`${name}High`]];
  return { value, ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) };
}

/** Writes a heading above a table; nothing if it is empty. */
export function headingToMarkdown(title: string): string {
  return title === '' ? '' : `### ${markdownText(title)}\n\n`;
}

/** How a table is written for people. */
export interface TableLook {
  /** Display names of labels and names. */
  readonly labels?: Labels | undefined;
  /** The places of numbers in bold, as `row,column`. */
  readonly bold?: ReadonlySet<string>;
}

/** Writes GitHub-flavoured Markdown with numbers aligned right. */
export function tableToMarkdown(table: Table, { labels, bold }: TableLook = {}): string {
  const text = textGrid(table, markdownText, labels, bold);
  const widths = columnWidths(text);
  const rule = widths.map((width, column) =>
    column < table.rowAxes.length ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  const lines = [
    padded(text[0]!, widths, table),
    rule,
    ...text.slice(1).map((record) => padded(record, widths, table)),
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

/** Writes aligned columns without rules, for a terminal. */
export function tableToText(table: Table, { labels }: TableLook = {}): string {
  const text = textGrid(table, visibleLine, labels);
  const widths = columnWidths(text);
  return text.map((record) => `${padded(record, widths, table).join('  ').trimEnd()}\n`).join('');
}

/** Writes a line below the table; nothing if it is empty. */
export function footerToMarkdown(footer: string): string {
  return footer === '' ? '' : `\n${markdownText(footer)}\n`;
}

/** Writes a line below the table for a terminal; nothing if it is empty. */
export function footerToText(footer: string): string {
  return footer === '' ? '' : `\n${visibleLine(footer)}\n`;
}

/** Says below the table what stands behind the slash, and where it was published. */
export function publishedToMarkdown(sources: readonly string[]): string {
  return `\n${escapeMarkdown(publishedNote(sources))}\n`;
}

/** Says below the table, for a terminal, what stands behind the slash, and where it was published. */
export function publishedToText(sources: readonly string[]): string {
  return `\n${publishedNote(sources)}\n`;
}

function publishedNote(sources: readonly string[]): string {
  return `Cells with a slash: ours / published${sources.length === 0 ? '' : ` (${sources.join('; ')})`}.`;
}

function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|]/g, '\\$&');
}

/** Says below the table that adversarial images were rounded to bytes; nothing if none were. */
export function roundedNote(rows: readonly ScoreRow[]): string {
  const attacked = rows.filter(({ values }) => values['l2'] !== undefined && values['l2'] !== null);
  const rounded = rows.filter(({ values }) => values['roundedToBytes'] === 1).length;
  if (rounded === 0) return '';
  const which = rounded >= attacked.length ? 'The' : `In ${rounded} of ${attacked.length} scores the`;
  return `\n${which} adversarial images were rounded to bytes (storeAs: uint8), and measured after that.\n`;
}

/** Writes the warnings as a list below the table; nothing if there are none. */
export function warningsToMarkdown(warnings: readonly string[]): string {
  return warnings.length === 0
    ? ''
    : `\n${warnings.map((warning) => `- **Warning:** ${markdownText(warning)}\n`).join('')}`;
}

/** Writes the warnings for a terminal; nothing if there are none. */
export function warningsToText(warnings: readonly string[]): string {
  return warnings.length === 0
    ? ''
    : `\n${warnings.map((warning) => `warning: ${visibleLine(warning)}\n`).join('')}`;
}

/**
 * Writes the table with bare numbers: shares as fractions, at full precision, with two more columns for the
 * ends of each interval (`… low`, `… high`), or one for its standard deviation (`… std`), and with one for the
 * published number (`… published`), if there are any.
 */
export function tableToCsv(table: Table): string {
  const spreads = table.columns.map((_, column) => spreadsOf(table.rows.map(({ cells }) => cells[column])));
  const numbers = new Set(table.columns.map(({ heading: name }) => name));
  const heading: CsvField[] = table.rowAxes.map((axis) => axisColumn(axis, numbers));
  for (const [column, { heading: name }] of table.columns.entries()) {
    heading.push(
      name,
      ...spreads[column]!.map((spread) => `${name} ${spread === 'deviation' ? 'std' : spread}`),
    );
  }
  const records = table.rows.map((row) => {
    const record: CsvField[] = [...row.labels];
    for (const [column, cell] of row.cells.entries()) {
      record.push(number(cell?.value), ...spreads[column]!.map((spread) => number(besideOf(cell, spread))));
    }
    return record;
  });
  return toCsv([heading, ...records]);
}

type Beside = 'low' | 'high' | 'deviation' | 'published' | 'published low' | 'published high';

function besideOf(cell: Measured | undefined, beside: Beside): number | null | undefined {
  switch (beside) {
    case 'published':
      return cell?.published?.value;
    case 'published low':
      return cell?.published?.low;
    case 'published high':
      return cell?.published?.high;
    default:
      return cell?.[beside];
  }
}

/** The columns that are written beside those of the numbers: of spreads, and of published numbers. */
function spreadsOf(cells: readonly (Measured | undefined)[]): readonly Beside[] {
  const published = cells.flatMap((cell) => cell?.published ?? []);
  const ofPublished: readonly Beside[] = [
    ...(published.length > 0 ? (['published'] as const) : []),
    ...(published.some(({ low }) => low !== undefined) ? (['published low', 'published high'] as const) : []),
  ];
  return [...ownSpreads(cells), ...ofPublished];
}

function ownSpreads(cells: readonly (Measured | undefined)[]): readonly Beside[] {
  if (cells.some((cell) => cell?.deviation !== undefined)) return ['deviation'];
  return cells.some((cell) => cell?.low !== undefined) ? ['low', 'high'] : [];
}

/**
 * Writes one record per row and one column per axis and number, which is the form that data-frame libraries
 * expect.
 */
export function rowsToCsv(rows: readonly ScoreRow[]): string {
  const [axes, values] = [axisNames(rows), valueNames(rows)];
  const records = rows.map((row) => [
    ...axes.map((axis) => row.axes[axis] ?? null),
    ...values.map((name) => number(row.values[name])),
  ]);
  const taken = new Set(values);
  return toCsv([[...axes.map((axis) => axisColumn(axis, taken)), ...values], ...records]);
}

/** Writes the rows as JSON, with axes and numbers side by side, like `ravelin metrics --json`. */
export function rowsToJson(rows: readonly ScoreRow[]): string {
  const taken = new Set(valueNames(rows));
  const flat = rows.map(({ axes, values }) => ({
    ...Object.fromEntries(Object.entries(axes).map(([axis, label]) => [axisColumn(axis, taken), label])),
    ...values,
  }));
  return `${JSON.stringify(flat, null, 2)}\n`;
}

function number(value: number | null | undefined): number | null {
  return value === undefined || value === null || !Number.isFinite(value) ? null : value;
}

/** The cells as text. `textOf` makes the names and labels safe for the format; numbers are ours. */
function textGrid(
  table: Table,
  textOf: (text: string) => string,
  labels: Labels | undefined,
  bold: ReadonlySet<string> = new Set(),
): readonly (readonly string[])[] {
  const axes = table.rowAxes.map((axis) => labelled(labels, axis));
  const heading = [...axes, ...table.columns.map((column) => column.heading)].map(textOf);
  const body = table.rows.map((row, line) => [
    ...row.labels.map((label) => textOf(label === null ? '–' : labelled(labels, label))),
    ...row.cells.map((cell, column) => {
      const text = formatPair(table.columns[column]!.value, cell);
      return bold.has(`${line},${column}`) ? `**${text}**` : text;
    }),
  ]);
  return [heading, ...body];
}

function columnWidths(text: readonly (readonly string[])[]): readonly number[] {
  // Markdown needs three dashes under a heading.
  return text[0]!.map((_, column) =>
    text.reduce((widest, record) => Math.max(widest, Array.from(record[column]!).length), 3),
  );
}

function padded(record: readonly string[], widths: readonly number[], table: Table): readonly string[] {
  return record.map((text, column) => {
    const space = ' '.repeat(widths[column]! - Array.from(text).length);
    return column < table.rowAxes.length ? text + space : space + text;
  });
}
