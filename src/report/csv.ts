export type CsvField = string | number | boolean | null;

/**
 * RFC 4180: fields with a comma, quote or line break are quoted, quotes doubled, records end in CRLF. Numbers are written
 * as ECMAScript prints them, so reading them back gives the same double; null is an empty field. So that it is not taken
 * for null or an empty line, the empty string is written `""`.
 */
export function toCsv(records: readonly (readonly CsvField[])[]): string {
  return records.map((record) => `${record.map(csvField).join(',')}\r\n`).join('');
}

function csvField(field: CsvField): string {
  if (field === null) return '';
  if (typeof field !== 'string') return String(field);
  return field === '' || /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
