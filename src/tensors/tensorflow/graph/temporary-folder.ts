import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFileError, toUserError } from '../../../files/file-error.ts';
import { MachineError } from '../../../values/machine-error.ts';

/**
 * Calls `work` with a folder that is removed afterwards. Throws `MachineError` if there can be none, or if a file
 * cannot be written into it.
 */
export function withTemporaryFolder<Result>(work: (folder: string) => Result): Result {
  let folder: string | null = null;
  try {
    folder = mkdtempSync(join(tmpdir(), 'ravelin-graph-'));
    return work(folder);
  } catch (error) {
    throw isFileError(error) ? unusable(error) : error;
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
}

function unusable(error: NodeJS.ErrnoException): MachineError {
  const variable = ['TMPDIR', 'TMP', 'TEMP'].find((name) => (process.env[name] ?? '') !== '');
  const named = variable === undefined ? tmpdir() : `${tmpdir()} (${variable})`;
  const fix = `set ${variable ?? 'TMPDIR'} to a folder of this machine that can be written to`;
  // The usual errors speak of the folder and its variable, and not of the file in it that the system names.
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'does not exist',
    ENOTDIR: 'is not a folder',
    EACCES: 'may not be written to',
    EPERM: 'may not be written to',
    EROFS: 'is on a file system that can only be read',
    ENOSPC: 'has no space left',
    EDQUOT: 'has no space left for this user',
  };
  const reason =
    reasons[error.code ?? ''] ?? `cannot be used: ${toUserError(error)?.message ?? error.message}`;
  return new MachineError(`the folder for temporary files ${named} ${reason}`, fix, error);
}
