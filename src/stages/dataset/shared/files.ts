import { open, type FileHandle } from 'node:fs/promises';
import { describeMissing } from '../../../files/missing-file.ts';
import { checkIsFile, readFlags } from '../../../files/open-file.ts';
import { readJsonFile } from '../../../files/read-json.ts';
import { readTextFile } from '../../../files/read-text.ts';
import { UnreadableFileError } from '../../../files/unreadable-file-error.ts';
import { StageError } from '../../../runtime/stage.ts';

/**
 * Opens a data file for reading and returns it with its length. Throws `StageError` if it is missing or is
 * not a file.
 */
export async function openData(
  path: string,
): Promise<{ readonly handle: FileHandle; readonly length: number }> {
  let handle: FileHandle;
  try {
    handle = await open(path, readFlags);
  } catch (cause) {
    throw ioError(path, cause);
  }
  try {
    const stat = await handle.stat();
    checkIsFile(path, stat);
    if (!stat.isFile()) {
      throw new StageError(`${path} is not a file`, {
        code: 'io',
        file: path,
        fix: 'give the path of a file',
      });
    }
    return { handle, length: stat.size };
  } catch (error) {
    await handle.close();
    throw error instanceof UnreadableFileError ? badFile(error) : error;
  }
}

/** Reads exactly the bytes `start … start + length − 1`. Throws `StageError` if the file ends earlier. */
export async function readRange(
  handle: FileHandle,
  path: string,
  start: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, start + done);
    if (bytesRead === 0) {
      throw new StageError(`${path} ends at byte ${start + done}: ${start + length} are needed`, {
        code: 'bad-data',
        file: path,
        fix: 'fetch the file again, because it is truncated',
      });
    }
    done += bytesRead;
  }
  return bytes;
}

/** Reads all bytes of a file. Throws `StageError` if it cannot be read. */
export async function readWhole(path: string): Promise<Uint8Array> {
  const { handle, length } = await openData(path);
  try {
    return await readRange(handle, path, 0, length);
  } finally {
    await handle.close();
  }
}

/** The value of a JSON file. Throws `StageError` if it cannot be read or is not JSON. */
export function readJson(path: string): unknown {
  return orStageError(path, () => readJsonFile(path));
}

/** The text of a file in UTF-8. Throws `StageError` if it cannot be read. */
export function readText(path: string): string {
  return orStageError(path, () => readTextFile(path));
}

function orStageError<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof UnreadableFileError ? badFile(error) : ioError(path, error);
  }
}

function badFile(cause: UnreadableFileError): StageError {
  return new StageError(cause.message, { code: 'bad-data', file: cause.file, fix: cause.fix, cause });
}

/** A failed file operation as a `StageError` that names the file and the remedy. */
export function ioError(path: string, cause: unknown): StageError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  const missing = code === 'ENOENT' || code === 'ENOTDIR';
  const { message, fix } = missing
    ? describeMissing(path)
    : { message: `${path} cannot be read (${code})`, fix: 'check the permissions of the file' };
  return new StageError(message, { code: 'io', file: path, fix, cause });
}
