import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isFileError } from './file-error.ts';

/**
 * Writes a file that a user wants, and the folders above it. It is there whole or, after an error or a kill, as it was
 * before: the content goes to a temporary file beside it, which then takes its name. A link stays, and the file that it
 * names is written; permissions stay too. Throws the error of the file system with the path that was given.
 */
export function writeWhole(path: string, content: Uint8Array | string): void {
  try {
    createFolder(dirname(resolve(path)));
    const target = endOfLinks(resolve(path));
    const before = statSync(target, { throwIfNoEntry: false });
    // A pipe or a device takes bytes, and nothing may take its place. A folder gives the error that says so.
    if (before?.isFile() === false) writeFileSync(target, content);
    else replace(target, content, before);
  } catch (error) {
    throw withPath(error, path);
  }
}

function replace(target: string, content: Uint8Array | string, before: Stats | undefined): void {
  const temporary = join(dirname(target), `.tmp-${process.pid}-${randomBytes(6).toString('hex')}`);
  let file: number;
  try {
    // Whoever may write the file, but not make others beside it, can still have it written in place. The first call also
    // fails for a file that may not be written.
    if (before !== undefined) closeSync(openSync(target, 'r+'));
    file = openSync(temporary, 'wx');
  } catch (error) {
    if (before === undefined || !mayNotCreate(error, temporary)) throw error;
    writeFileSync(target, content);
    return;
  }
  try {
    try {
      if (before !== undefined) fchmodSync(file, before.mode & 0o7777);
      writeFileSync(file, content);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, target);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
}

function mayNotCreate(error: unknown, path: string): boolean {
  return isFileError(error) && error.path === path && (error.code === 'EACCES' || error.code === 'EPERM');
}

/** Creates a folder and those above it. If one of them is a file, the error is ENOTDIR, as it is of any other call. */
function createFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    if (isFileError(error) && error.code === 'EEXIST') Object.assign(error, { code: 'ENOTDIR' });
    throw error;
  }
}

/** Most links that are followed, as Linux does. */
const mostLinks = 40;

/** The file that a path names in the end. The last of its links may name one that does not exist yet. */
function endOfLinks(path: string): string {
  let at = path;
  for (let links = 0; links < mostLinks; links++) {
    if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return at;
    at = resolve(realpathSync(dirname(at)), readlinkSync(at));
  }
  // The system says that they lead in a circle.
  return realpathSync(path);
}

/** The error with the path that the user gave, as the temporary file is of no interest. */
function withPath(error: unknown, path: string): unknown {
  if (isFileError(error) && (error.path === undefined || basename(error.path).startsWith('.tmp-')))
    Object.assign(error, { path, dest: undefined });
  return error;
}
