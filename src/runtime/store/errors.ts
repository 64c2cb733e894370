import { toUserError } from '../../files/file-error.ts';

export type StoreErrorCode = 'disk-full' | 'permission' | 'io';

/**
 * The cache cannot be written or read. This is a failure of the disk, and never a reason to delete anything.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  /** Exit code of the command line for cache and storage failures. */
  readonly exitCode = 5;
  readonly code: StoreErrorCode;
  readonly path: string;
  readonly fix: string | undefined;
  constructor(code: StoreErrorCode, message: string, path: string, cause?: unknown, fix?: string) {
    super(message, { cause });
    this.code = code;
    this.path = path;
    this.fix = fix;
  }
}

/**
 * An object is missing, or its bytes are not those that were committed (it is then already in quarantine).
 * The unit that made it has to be computed again.
 */
export class DamagedObjectError extends Error {
  override readonly name = 'DamagedObjectError';
  readonly digest: string;
  constructor(digest: string, what: string) {
    super(`object ${digest.slice(0, 12)}… ${what}`);
    this.digest = digest;
  }
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/**
 * Turns an error of the file system into a `StoreError`; `needed` is the
 * number of bytes that were to be written.
 */
export function toStoreError(error: unknown, path: string, needed?: number): StoreError {
  if (error instanceof StoreError) return error;
  const problem = toUserError(error, path);
  const detail = problem?.message ?? (error instanceof Error ? error.message : String(error));
  const code = problem?.code ?? errorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const size = needed === undefined ? '' : `: ${needed} bytes were to be written`;
    return new StoreError('disk-full', `no space left on the disk of the cache${size}`, path, error);
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new StoreError('permission', `the cache cannot be used: ${detail}`, path, error, anotherFolder);
  }
  // A path that is wrong, and not a disk that fails.
  const fix = ['ENOTDIR', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'ENOENT'].includes(code)
    ? anotherFolder
    : problem?.fix;
  return new StoreError('io', `the cache cannot be used: ${detail}`, path, error, fix);
}

const anotherFolder = 'give another folder with --cache';
