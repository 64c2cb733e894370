import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { StageError } from '../../../runtime/stage.ts';
import { ioError } from './files.ts';

/**
 * The folders and the other entries of a folder, by name in code-unit order; names that begin with a dot are
 * left out. Links are what they lead to.
 */
export async function readFolder(
  path: string,
): Promise<{ readonly folders: readonly string[]; readonly files: readonly string[] }> {
  const { folders, files } = await readEntries(path);
  return { folders: folders.map(({ name }) => name).sort(), files: files.sort() };
}

/**
 * Images of a folder and of the folders in it, relative to it with `/`, in the order of torchvision's
 * `ImageFolder`: sorted by the path of their folder, then by name. Links to folders are followed. Throws
 * `StageError` for a link to a folder around it, which would never end.
 */
export async function imagesBelow(root: string, extensions: ReadonlySet<string>): Promise<readonly string[]> {
  const found: { readonly folder: string; readonly names: readonly string[] }[] = [];
  const visit = async (path: string, folder: string, around: readonly string[]): Promise<void> => {
    const { folders, files } = await readEntries(path);
    const names = files.filter((name) => isImage(name, extensions)).sort();
    for (const name of names) checkName(path, name);
    found.push({ folder, names });
    for (const { name, isLink } of folders) {
      checkName(path, name);
      const inner = join(path, name);
      const real = isLink ? await realpath(inner) : join(around.at(-1)!, name);
      if (isLink && around.some((outer) => outer === real || outer.startsWith(`${real}${sep}`))) {
        throw new StageError(`${inner} links to a folder that contains it`, {
          code: 'bad-data',
          file: inner,
          fix: 'remove the link',
        });
      }
      await visit(inner, folder === '' ? name : `${folder}/${name}`, [...around, real]);
    }
  };
  let real: string;
  try {
    real = await realpath(root);
  } catch (cause) {
    throw ioError(root, cause);
  }
  await visit(root, '', [real]);
  found.sort((a, b) => (a.folder < b.folder ? -1 : 1));
  return found.flatMap(({ folder, names }) =>
    names.map((name) => (folder === '' ? name : `${folder}/${name}`)),
  );
}

/** Whether a name ends in one of the extensions, which are in lower case with their dot. */
export function isImage(name: string, extensions: ReadonlySet<string>): boolean {
  return extensions.has(extname(name).toLowerCase());
}

async function readEntries(
  path: string,
): Promise<{ folders: { name: string; isLink: boolean }[]; files: string[] }> {
  let entries: Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (cause) {
    throw ioError(path, cause);
  }
  const folders: { name: string; isLink: boolean }[] = [];
  const files: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const isLink = entry.isSymbolicLink();
    const isFolder = isLink
      ? (await stat(join(path, entry.name)).catch(() => null))?.isDirectory() === true
      : entry.isDirectory();
    if (isFolder) folders.push({ name: entry.name, isLink });
    else files.push(entry.name);
  }
  return { folders, files };
}

/** A name that is not UTF-8 cannot be written in a path, so its file could not be opened. */
function checkName(folder: string, name: string): void {
  if (!name.includes('\ufffd')) return;
  throw new StageError(`${folder} has a name that is not UTF-8: '${name}'`, {
    code: 'bad-data',
    file: folder,
    fix: 'rename it',
  });
}
