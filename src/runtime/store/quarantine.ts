import { mkdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errorCode, toStoreError } from './errors.ts';

/**
 * Moves a damaged file out of the way and warns; `what` names it: 'object 1f2e3d…'.
 * Throws `StoreError` if the disk refuses.
 */
export type Quarantine = (path: string, what: string) => void;

/** Damaged files are kept for whoever wants to know what happened to the disk, but never read again. */
export function openQuarantine(cacheFolder: string, warn: (message: string) => void): Quarantine {
  const folder = join(cacheFolder, 'quarantine');
  return (path, what) => {
    const target = join(folder, `${Date.now().toString(36)}-${basename(path)}`);
    try {
      mkdirSync(folder, { recursive: true });
      renameSync(path, target);
      warn(`${what} is damaged; it was moved to ${target} and will be computed again`);
    } catch (error) {
      const failure = toStoreError(error, path);
      // In a cache that may only be read the file stays, and is not used.
      if (failure.code === 'permission')
        warn(`${what} is damaged and cannot be moved aside: ${failure.message}`);
      // Another process moved it first. Any other error means that this process must not touch the file.
      else if (errorCode(error) !== 'ENOENT') throw failure;
    }
  };
}
