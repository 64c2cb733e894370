import { statSync } from 'node:fs';
import { toUserError } from '../../files/file-error.ts';
import { StageError } from '../stage.ts';
import { DamagedObjectError, errorCode } from '../store/errors.ts';

/** Why an output could not be published or shown. */
export interface PublishProblem {
  /** Absolute path of the file; null for a result that was to be printed. */
  readonly path: string | null;
  /** A whole sentence that names the file. */
  readonly message: string;
  readonly fix?: string;
  /** Whether a file of an earlier result stands at the path. */
  readonly stale: boolean;
}

/**
 * The usual errors of a target have remedies that `toUserError` cannot know: another name, another folder. All others
 * are said as everywhere.
 */
const sentences: Readonly<Record<string, readonly [sentence: string, fix: string]>> = {
  EISDIR: ['is a folder', 'move the folder away, or publish under another name'],
  ENOTDIR: ['cannot be written, because a folder in its path is a file', 'move that file away'],
  EEXIST: ['cannot be written, because a folder in its path is a file', 'move that file away'],
  EACCES: [
    'may not be written: this user has no permission',
    'change the permissions of the file and its folder',
  ],
  EPERM: ['may not be written: the system refuses it', 'change the permissions of the file and its folder'],
  EROFS: ['cannot be written: its disk is read-only', 'publish into a folder on another disk'],
  ENOSPC: ['cannot be written: no space is left on its disk', 'free some space, and run again'],
  EDQUOT: ['cannot be written: the quota of its disk is used up', 'free some space, and run again'],
  ENAMETOOLONG: ['has a name that is too long for its disk', 'publish under a shorter name'],
};

/** Describes the error for people; `path` is null for a result that was to be printed. */
export function describeProblem(path: string | null, error: unknown): PublishProblem {
  const stale = path !== null && isFile(path);
  const subject = path ?? 'a table';
  const known = sentences[errorCode(error)];
  if (known !== undefined && error instanceof Error && error.name !== 'StoreError')
    return { path, message: `${subject} ${known[0]}`, fix: known[1], stale };
  const file = path === null ? null : toUserError(error, path);
  if (file !== null)
    return { path, message: `${path!} could not be written: ${file.message}`, fix: file.fix, stale };
  const reason = error instanceof Error ? error.message : String(error);
  const message =
    path === null ? `a table could not be shown: ${reason}` : `${path} could not be written: ${reason}`;
  const fix =
    error instanceof DamagedObjectError
      ? 'run again, which computes it again; if that does not help, check the disk of the cache'
      : error instanceof StageError
        ? error.fix
        : undefined;
  return { path, message, ...(fix !== undefined && { fix }), stale };
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
