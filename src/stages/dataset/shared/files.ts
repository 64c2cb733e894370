import { open, type FileHandle } from 'node:fs/promises';
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
    handle = await open(path, 'r');
  } catch (cause) {
    throw ioError(path, cause);
  }
  try {
    const stat = await handle.stat();
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
    throw error;
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
        fix: 'the file is truncated: fetch it again',
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

/** A failed file operation as a `StageError` that names the file and the remedy. */
export function ioError(path: string, cause: unknown): StageError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  const missing = code === 'ENOENT' || code === 'ENOTDIR';
  return new StageError(missing ? `${path} does not exist` : `${path} cannot be read (${code})`, {
    code: 'io',
    file: path,
    fix: missing
      ? 'correct the path; it is relative to the pipeline file'
      : 'check the permissions of the file',
    cause,
  });
}
