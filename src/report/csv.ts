export type CsvField = string | number | boolean | null;

/**
 * Writes CSV by RFC 4180: fields with a comma, quote or line break are quoted, quotes are doubled, and
 * records end in CRLF. Numbers are written as ECMAScript prints them, so that reading them back gives the
 * same double. Null is an empty field; the empty string is written as `""`, so that it is not taken for null
 * or an empty line. A text that a spreadsheet would compute as a formula gets an apostrophe in front, which
 * makes it a text there.
 */
export function toCsv(records: readonly (readonly CsvField[])[]): string {
  return records.map((record) => `${record.map(csvField).join(',')}\r\n`).join('');
}

function csvField(field: CsvField): string {
  if (field === null) return '';
  if (typeof field !== 'string') return String(field);
  const text = formula.test(field) && !number.test(field) ? `'${field}` : field;
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Matches the beginnings of a formula, also in the full-width forms that spreadsheets of East Asia take. */
const formula = /^[=+\-@\t\r＝＋－＠]/;

/** Matches what begins as a formula, but is a number or a fraction. */
const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?:\/\d+)?$/i;
