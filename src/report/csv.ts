export type CsvField = string | number | boolean | null;

/**
 * Writes CSV by RFC 4180: fields with a comma, quote or line break are quoted, quotes are doubled, and
 * records end in CRLF. Numbers are written as ECMAScript prints them, so that reading them back gives the
 * same double. Null is an empty field; the empty string is written as `""`, so that it is not taken for null
 * or an empty line.
 */
export function toCsv(records: readonly (readonly CsvField[])[]): string {
  return records.map((record) => `${record.map(csvField).join(',')}\r\n`).join('');
}

function csvField(field: CsvField): string {
  if (field === null) return '';
  if (typeof field !== 'string') return String(field);
  return field === '' || /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
