import { readdir, readFile, stat } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { extname, join } from 'node:path';
import { StageError } from '../../../runtime/stage.ts';
import { ioError } from './files.ts';

export interface FolderEntry {
  /** Absolute path. */
  readonly file: string;
  readonly label: number;
  /** Index in the listing sorted by class, then by name. */
  readonly id: number;
}

export interface FolderListing {
  readonly entries: readonly FolderEntry[];
  readonly classes: readonly string[];
}

export interface ListingParameters {
  readonly path: string;
  readonly classes?: string;
  readonly limit?: number;
  readonly stratify: boolean;
  readonly extensions: readonly string[];
}

/**
 * Images of `path/CLASS/*.EXT`, sorted by class index and then by name in code-unit order, so that every
 * machine lists them in the same order. Opens no image. Throws `StageError` for a wrong layout, for an empty
 * class folder, and for a folder that is not in the list of classes.
 */
export async function listImageFolder(
  params: ListingParameters,
  resolve: (path: string) => string,
): Promise<FolderListing> {
  const root = resolve(params.path);
  const extensions = new Set(params.extensions.map((extension) => `.${extension.toLowerCase()}`));
  const { folders, files } = await readFolder(root);
  if (folders.length === 0) {
    const images = files.filter((name) => isImage(name, extensions)).length;
    throw new StageError(
      images > 0
        ? `${root} holds ${images} images directly; one folder per class is expected`
        : `${root} holds no class folders`,
      { code: 'bad-data', file: root, fix: `arrange the images as ${params.path}/CLASS/NAME.png` },
    );
  }
  const classes = params.classes === undefined ? folders : await readClasses(resolve(params.classes));
  const known = new Set(classes);
  const stranger = folders.find((folder) => !known.has(folder));
  if (stranger !== undefined) {
    throw new StageError(
      `the folder ${join(root, stranger)} is not in the list of ${classes.length} classes`,
      {
        code: 'bad-data',
        file: join(root, stranger),
        fix: `add '${stranger}' to ${params.classes ?? 'the classes'}, or remove the folder`,
      },
    );
  }
  const present = new Set(folders);
  const byClass: FolderEntry[][] = [];
  let id = 0;
  for (const [label, name] of classes.entries()) {
    if (!present.has(name)) continue;
    const folder = join(root, name);
    const images = (await readFolder(folder)).files.filter((file) => isImage(file, extensions));
    if (images.length === 0) {
      throw new StageError(`the class folder ${folder} holds no image (${[...extensions].join(', ')})`, {
        code: 'bad-data',
        file: folder,
        fix: 'add an image, remove the folder, or extend extensions',
      });
    }
    byClass.push(images.map((file) => ({ file: join(folder, file), label, id: id++ })));
  }
  const ordered = params.stratify ? inTurn(byClass) : byClass.flat();
  return { entries: ordered.slice(0, params.limit), classes };
}

/** The first item of each list, then the second of each, and so on. */
export function inTurn<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  const turns: T[] = [];
  for (let turn = 0; turn < longest; turn++) {
    for (const list of lists) if (turn < list.length) turns.push(list[turn]!);
  }
  return turns;
}

async function readFolder(path: string): Promise<{ folders: string[]; files: string[] }> {
  let entries: Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (cause) {
    throw ioError(path, cause);
  }
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const directory = entry.isSymbolicLink()
      ? (await stat(join(path, entry.name)).catch(() => null))?.isDirectory() === true
      : entry.isDirectory();
    (directory ? folders : files).push(entry.name);
  }
  return { folders: folders.sort(), files: files.sort() };
}

async function readClasses(path: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw ioError(path, cause);
  }
  const fail = (problem: string): StageError =>
    new StageError(`${path} ${problem}`, {
      code: 'bad-data',
      file: path,
      fix: 'write the class folder names in label order: ["cat", "dog"]',
    });
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw fail('is not JSON');
  }
  if (!Array.isArray(list) || list.length === 0) throw fail('is not a list of class names');
  const names = list.map((name: unknown, index) => {
    if (typeof name !== 'string') throw fail(`has an entry that is not a text (index ${index})`);
    return name;
  });
  const duplicate = names.find((name, index) => names.indexOf(name) !== index);
  if (duplicate !== undefined) throw fail(`names the class '${duplicate}' twice`);
  return names;
}

function isImage(name: string, extensions: ReadonlySet<string>): boolean {
  return extensions.has(extname(name).toLowerCase());
}
