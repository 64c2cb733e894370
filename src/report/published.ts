import { didYouMean, nearest, shortList } from '../values/nearest.ts';
import { type CsvCell, CsvError, readCsv } from './csv-records.ts';
import { isShare } from '../values/readable-number.ts';
import { labelNumber } from './rows.ts';
import type { Label } from './rows.ts';
import { counted } from '../values/counted.ts';

/** A number from the literature. A range has no value but two ends, such as "30−40 % of the images". */
export interface PublishedNumber {
  readonly value: number | null;
  readonly low?: number;
  readonly high?: number;
}

/** One line of a file of published values. */
export interface PublishedRow {
  /** The labels that the line gives. An axis without a label stands for all of its labels. */
  readonly axes: Readonly<Record<string, string>>;
  /** By the name of the number. */
  readonly numbers: Readonly<Record<string, PublishedNumber>>;
  /** The publication that has the number; empty if the file does not say. */
  readonly source: string;
  readonly line: number;
}

export interface Published {
  /** The columns that are neither numbers nor the source, with their places. */
  readonly axes: readonly { readonly name: string; readonly line: number; readonly column: number }[];
  readonly rows: readonly PublishedRow[];
}

const sourceColumn = 'source';
const mostRows = 100_000;

/**
 * Reads published values from CSV. The first record names the columns: `values` and the ends of their ranges (`accuracy`,
 * `accuracyLow`, `accuracyHigh`) hold numbers, `source` says where they were published, and every other column is an axis.
 * A number may end in `%`. Throws `CsvError` with the place of what is wrong.
 */
export function readPublished(text: string, values: readonly string[]): Published {
  const [header, ...records] = readCsv(text);
  if (header === undefined) {
    throw new CsvError(
      { line: 1, column: 1 },
      'the file has no header',
      `begin it with the names of the columns: attack,defense,${values[0]!},source`,
    );
  }
  checkHeader(header, values);
  if (records.length > mostRows) {
    throw new CsvError(
      records[mostRows]![0]!,
      `the file has more than ${mostRows} rows`,
      'split it into several files',
    );
  }
  const numbers = new Set(values.flatMap((name) => [name, `${name}Low`, `${name}High`]));
  const seen = new Map<string, number>();
  const rows = records.map((record) => {
    const row = readRow(record, header, numbers, values);
    const key = JSON.stringify(Object.entries(row.axes));
    const first = seen.get(key);
    if (first !== undefined) {
      throw new CsvError(
        record[0]!,
        `the row has the same labels as line ${first}`,
        'keep one of the two, or give them another label',
      );
    }
    seen.set(key, row.line);
    return row;
  });
  const axes = header
    .filter(({ text: name }) => name !== sourceColumn && !numbers.has(name))
    .map(({ text: name, line, column }) => ({ name, line, column }));
  return { axes, rows };
}

function checkHeader(header: readonly CsvCell[], values: readonly string[]): void {
  const names = header.map((cell) => cell.text);
  if (names.length === 1 && /[;\t]/.test(names[0]!)) {
    throw new CsvError(
      header[0]!,
      'the columns are not separated by commas',
      'save the file as CSV with commas',
    );
  }
  for (const [index, cell] of header.entries()) {
    refuseControls(cell);
    if (cell.text === '') throw new CsvError(cell, `column ${index + 1} has no name`, 'name it or delete it');
    if (names.indexOf(cell.text) < index) {
      throw new CsvError(cell, `two columns are called '${cell.text}'`, 'rename or delete one of them');
    }
  }
  if (values.some((name) => names.includes(name) || names.includes(`${name}Low`))) return;
  const wanted = values.map((name) => `'${name}'`).join(' or ');
  const guess = values.map((name) => nearest(name, names)).find((name) => name !== undefined);
  throw new CsvError(
    header[0]!,
    `the report shows ${wanted}, and no column has that name`,
    guess === undefined
      ? `add the column with the published numbers; the columns are ${shortList(names)}`
      : `rename the column '${guess}'`,
  );
}

function readRow(
  record: readonly CsvCell[],
  header: readonly CsvCell[],
  numbers: ReadonlySet<string>,
  values: readonly string[],
): PublishedRow {
  if (record.length !== header.length) {
    throw new CsvError(
      record[Math.min(header.length, record.length - 1)]!,
      `the row has ${counted(record.length, 'field')}, but the header names ${header.length} columns`,
      'add or delete commas; a field with a comma inside is put in quotes',
    );
  }
  const axes: [string, string][] = [];
  const given = new Map<string, { readonly number: number; readonly cell: CsvCell }>();
  let source = '';
  for (const [index, cell] of record.entries()) {
    refuseControls(cell);
    const name = header[index]!.text;
    if (name === sourceColumn) source = cell.text;
    else if (numbers.has(name)) {
      if (cell.text !== '') given.set(name, { number: readNumber(cell, name), cell });
    } else if (cell.text !== '') axes.push([name, cell.text.normalize('NFC')]);
  }
  const read: Record<string, PublishedNumber> = {};
  for (const name of values) {
    const number = publishedNumber(name, given);
    if (number !== undefined) read[name] = number;
  }
  if (Object.keys(read).length === 0)
    throw new CsvError(record[0]!, 'the row has no number', 'give it one, or delete the row');
  return { axes: Object.fromEntries(axes), numbers: read, source, line: record[0]!.line };
}

function publishedNumber(
  name: string,
  given: ReadonlyMap<string, { readonly number: number; readonly cell: CsvCell }>,
): PublishedNumber | undefined {
  const [value, low, high] = [given.get(name), given.get(`${name}Low`), given.get(`${name}High`)];
  if ((low === undefined) !== (high === undefined)) {
    const [there, absent] = low === undefined ? [high!, `${name}Low`] : [low, `${name}High`];
    throw new CsvError(there.cell, 'the range has only one end', `give ${absent} too`);
  }
  if (low !== undefined && high !== undefined) {
    const middle = value?.number ?? low.number;
    if (!(low.number <= middle && middle <= high.number)) {
      throw new CsvError(
        low.cell,
        'the ends of the range are not in order',
        `${name}Low is the smaller end and ${name}High the larger one, with ${name} between them`,
      );
    }
    return { value: value?.number ?? null, low: low.number, high: high.number };
  }
  return value && { value: value.number };
}

function readNumber(cell: CsvCell, name: string): number {
  const match = /^([-+\u2212]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(%?)$/i.exec(cell.text);
  const number = match === null ? NaN : Number(match[1]!.replace('\u2212', '-'));
  if (match === null || !Number.isFinite(number)) {
    throw new CsvError(
      cell,
      `'${cell.text}' (${name}) is not a number`,
      'write it with a decimal point and without units, such as 0.6541 or 65.41%; leave the field empty if there is none',
    );
  }
  // Digit by digit, because 65.41 / 100 is not the double that 0.6541 is.
  const value = match[2] === '%' ? Number(`${match[1]!.replace('\u2212', '-')}e-2`) : number;
  const scaled = Number.isFinite(value) ? value : number / 100;
  if (isShare(name) && (scaled < 0 || scaled > 1)) {
    throw new CsvError(
      cell,
      `'${cell.text}' (${name}) is not a share between 0 and 1`,
      scaled > 1 && scaled <= 100 && match[2] === ''
        ? `write ${cell.text}% if it is per cent`
        : 'correct the number',
    );
  }
  return scaled;
}

function refuseControls(cell: CsvCell): void {
  const found =
    /[\u0000-\u0008\u000A-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069\uFFFE\uFFFF]/.exec(
      cell.text,
    );
  if (found === null) return;
  const code = found[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  throw new CsvError(cell, `the field holds the control character U+${code}`, 'delete it');
}

/** The names in the scores that published values are put beside, as far as they are known. */
export interface KnownScores {
  /** The axes with their labels; the labels are undefined if they are not known yet. */
  readonly axes: ReadonlyMap<string, readonly Label[] | undefined>;
  readonly numbers: readonly string[];
  /** Axes on which a published value must have a place, with its label or an empty field. */
  readonly required: readonly string[];
}

/**
 * Judges the names in a file of published values by the scores: columns that name no axis, axes that are missing, and labels
 * that look like misspellings of labels of the scores. Labels that the scores lack are right, because a run may compute a
 * part of what was published.
 */
export function publishedProblems(published: Published, known: KnownScores): readonly CsvError[] {
  const problems: CsvError[] = [];
  const names = [...known.axes.keys()];
  for (const axis of published.axes) {
    if (known.axes.has(axis.name) || known.numbers.includes(axis.name)) continue;
    const guess = didYouMean(axis.name, names);
    problems.push(
      new CsvError(
        axis,
        `the column '${axis.name}' is not an axis of the scores${guess}`,
        `rename or delete it; the axes of the scores are ${names.length === 0 ? 'none' : shortList(names, 16)}`,
      ),
    );
  }
  if (problems.length > 0) return problems;
  const columns = published.axes.map(({ name }) => name);
  const absent = known.required.filter((axis) => !columns.includes(axis));
  if (absent.length > 0) {
    const axes = absent.map((axis) => `'${axis}'`).join(', ');
    return [
      new CsvError(
        { line: published.axes[0]?.line ?? 1, column: 1 },
        `the file does not say for which ${axes} its numbers are, and the scores have several`,
        `add the ${absent.length === 1 ? 'column' : 'columns'} ${axes} (an empty field means all), or select one label of the scores with where`,
      ),
    ];
  }
  for (const { name } of published.axes) {
    const labels = known.axes.get(name);
    if (labels === undefined) continue;
    problems.push(...misspeltLabels(published, name, labels));
  }
  return problems;
}

/** Labels of the file that are probably misspellings of labels of the scores that the file lacks. */
function misspeltLabels(published: Published, axis: string, labels: readonly Label[]): readonly CsvError[] {
  const inFile = [...new Set(published.rows.flatMap(({ axes }) => axes[axis] ?? []))];
  const missing = labels.filter((label) => !inFile.some((text) => isLabel(label, text))).map(String);
  return inFile.flatMap((text) => {
    if (labels.some((label) => isLabel(label, text))) return [];
    const meant = nearest(text, missing);
    if (meant === undefined) return [];
    const { line } = published.rows.find(({ axes }) => axes[axis] === text)!;
    return [
      new CsvError(
        { line, column: 1 },
        `'${text}' is not a label of '${axis}' in the scores; did you mean '${meant}'?`,
        'write the labels of the scores',
      ),
    ];
  });
}

/** Whether a text names a label: by its spelling, or as the same number (`0.060` is 0.06). */
export function isLabel(label: Label, text: string): boolean {
  if (String(label).normalize('NFC') === text) return true;
  const number = labelNumber(label);
  return number !== undefined && number === labelNumber(text);
}

/** Whether a published value is about these labels: every label that it gives is theirs. */
export function isAbout(
  row: PublishedRow,
  axes: Readonly<Record<string, Label>>,
  among?: readonly string[],
): boolean {
  return Object.entries(row.axes).every(([axis, text]) => {
    if (among !== undefined && !among.includes(axis)) return true;
    const label = axes[axis];
    return label !== undefined && isLabel(label, text);
  });
}

/** The distinct sources of some rows, in their order. */
export function sourcesOf(rows: Iterable<PublishedRow>): readonly string[] {
  return [...new Set([...rows].map(({ source }) => source))].filter((source) => source !== '');
}
