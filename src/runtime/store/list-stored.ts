import { lstatSync, readdirSync, statSync, type Stats } from 'node:fs';
import { isDigest } from '../digest.ts';
import { temporaryPrefix } from './durable.ts';
import { errorCode, toStoreError } from './errors.ts';

export interface StoredFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

export type StoredKind = 'objects' | 'actions' | 'checkpoints';

/**
 * Lists all files in the two-letter folders of a part of the cache, temporary ones and those of other versions
 * included. Folders, links to nothing and files that have gone meanwhile are left out. Throws `StoreError`.
 */
export function listStored({ folder }: { readonly folder: string }, kind: StoredKind): StoredFile[] {
  const root = kind === 'objects' ? `${folder}/objects/sha256` : `${folder}/${kind}`;
  // What has another name is not the cache's: a link may lead to a folder of the user's, and what is listed may be removed.
  return namesIn(root).flatMap((folderName) => {
    if (/^[0-9a-f]{2}$/.test(folderName))
      return filesIn(`${root}/${folderName}`, statSync).filter(({ name }) => isOfStore(name));
    // An earlier version kept the state of a training in a folder of its own.
    const isEarlier = kind === 'checkpoints' && isDigest(folderName);
    return isEarlier ? filesIn(`${root}/${folderName}`, statSync).filter(({ name }) => name === 'state') : [];
  });
}

/** Lists the files of the quarantine. A link is what was moved there, wherever it leads. */
export function listQuarantine({ folder }: { readonly folder: string }): StoredFile[] {
  return filesIn(`${folder}/quarantine`, lstatSync);
}

function isOfStore(name: string): boolean {
  return /^[0-9a-f]{64}(?![0-9a-f])/.test(name) || name.startsWith(temporaryPrefix);
}

function filesIn(folder: string, stat: (path: string) => Stats): StoredFile[] {
  return namesIn(folder).flatMap((name) => {
    const path = `${folder}/${name}`;
    const found = orAbsent(path, () => stat(path));
    if (found === null || found.isDirectory() || (stat === statSync && !found.isFile())) return [];
    return [{ name, path, bytes: found.size, modifiedMs: found.mtimeMs }];
  });
}

/** The names in a folder, in order; none if there is no such folder. */
function namesIn(folder: string): string[] {
  return orAbsent(folder, () => readdirSync(folder).sort()) ?? [];
}

/** Null if the path leads to nothing: it is absent, a link to nothing, or below a file. */
function orAbsent<Result>(path: string, look: () => Result): Result | null {
  try {
    return look();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(error))) return null;
    throw toStoreError(error, path);
  }
}
