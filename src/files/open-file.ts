import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { UnreadableFileError } from './unreadable-file-error.ts';

/** Flags to open a file for reading. Without `O_NONBLOCK` a named pipe would block the process for ever. */
export const readFlags = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Opens a file for reading and returns its descriptor, which the caller closes. Throws `UnreadableFileError`
 * for a named pipe, a socket or a device, and the error of the file system if it cannot be opened.
 */
export function openFile(path: string): number {
  const file = openSync(path, readFlags);
  try {
    checkIsFile(path, fstatSync(file));
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** Reads a whole file; throws as `openFile` does, and the error `EISDIR` for a folder. */
export function readFileBytes(path: string): Buffer {
  const file = openFile(path);
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** Throws `UnreadableFileError` unless this is a file or a folder, which fails on its own when it is read. */
export function checkIsFile(path: string, stat: Stats): void {
  if (stat.isFile() || stat.isDirectory()) return;
  const kind = stat.isFIFO() ? 'a named pipe' : stat.isSocket() ? 'a socket' : 'a device';
  throw new UnreadableFileError(path, `${path} is ${kind}, not a file`, 'give the path of a file');
}
