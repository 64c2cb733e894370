import { sha256 } from '../digest.ts';

/**
 * Files whose first line has a title and the digest of the rest, because a flipped bit in them would be believed. The
 * title says what the file is and the version of its format, so that another version of ravelin passes over it.
 */
export function checkedFile(title: string, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(headOf(title, body)), body]);
}

/** The rest of a file of `checkedFile`; null if it has another title or was changed. It shares the memory of `file`. */
export function checkedBody(title: string, file: Buffer): Buffer | null {
  const end = file.indexOf('\n') + 1;
  const body = file.subarray(end);
  return file.toString('latin1', 0, end) === headOf(title, body) ? body : null;
}

function headOf(title: string, body: Uint8Array): string {
  return `${title} ${sha256(body)}\n`;
}
