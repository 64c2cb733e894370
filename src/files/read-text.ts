import { isUtf8 } from 'node:buffer';
import { readFileBytes } from './open-file.ts';
import { lineAndColumn } from './line-and-column.ts';
import { UnreadableFileError } from './unreadable-file-error.ts';

/**
 * Reads a text file as UTF-8, without the byte order mark that editors on Windows put before it. Throws
 * `UnreadableFileError` if it is not a text in UTF-8, and the error of the file system if it cannot be read.
 */
export function readTextFile(path: string): string {
  return decodeText(readFileBytes(path), path);
}

/** The text of a file whose bytes are known. Throws `UnreadableFileError` if it is not a text in UTF-8. */
export function decodeText(bytes: Uint8Array, path: string): string {
  const problem = encodingProblem(bytes);
  if (problem === 'UTF-16')
    throw new UnreadableFileError(path, `${path} is a text in UTF-16, not in UTF-8`, 'save it as UTF-8');
  if (problem !== null) {
    throw new UnreadableFileError(
      path,
      `${path}:${problem.line}:${problem.column} is not UTF-8: the file is in another encoding, or it is not a text`,
      'save it as UTF-8',
    );
  }
  const text = textOf(bytes);
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** Why bytes are not a text in UTF-8: they are one in UTF-16, or the place of the first wrong byte; null if they are. */
export function encodingProblem(
  bytes: Uint8Array,
): 'UTF-16' | { readonly line: number; readonly column: number } | null {
  const [first, second] = bytes;
  // JSON and YAML begin with an ASCII character, so one of the first two bytes of their UTF-16 form is 0.
  const isUtf16 =
    (first === 0xff && second === 0xfe) ||
    (first === 0xfe && second === 0xff) ||
    (bytes.length >= 2 && (first === 0) !== (second === 0));
  if (isUtf16) return 'UTF-16';
  if (isUtf8(bytes)) return null;
  const text = textOf(bytes);
  // The first replacement character stands for the first byte that is wrong.
  return lineAndColumn(text, text.indexOf('\ufffd'));
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
