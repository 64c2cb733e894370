/**
 * Lines of a ledger. Each has a checksum as its last field: a bit that changes on the disk could otherwise give a number the label
 * of another one. Lines of earlier versions, and those of `--ui json`, have none.
 */
import { crc32 } from 'node:zlib';

const ending = /,"check":"([0-9a-f]{8})"\}$/;

/** The line, without a line feed, that holds this JSON of a map with at least one field. */
export function checkedLine(json: string): string {
  const text = json.slice(0, -1);
  return `${text},"check":"${checksum(text)}"}`;
}

/** The JSON in a line, without its checksum; null if the checksum is wrong. */
export function lineContent(line: string): string | null {
  const match = ending.exec(line);
  if (match === null) return line;
  const text = line.slice(0, match.index);
  return checksum(text) === match[1] ? `${text}}` : null;
}

/** Whether the line has a checksum, and it is right. */
export function isCheckedLine(line: string): boolean {
  return ending.test(line) && lineContent(line) !== null;
}

/** CRC-32 of the UTF-8 form, as eight hexadecimal digits. */
function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
