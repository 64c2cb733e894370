import { join } from 'node:path';
import { StageError } from '../../../runtime/stage.ts';
import { indexByName, readClassNames } from './class-names.ts';
import { imagesBelow, isImage, readFolder } from './folder-contents.ts';
import { readImageList } from './image-list.ts';
import { afterOffset } from './range.ts';
import { counted } from '../../../values/counted.ts';

export interface FolderEntry {
  /** Absolute path. */
  readonly file: string;
  readonly label: number;
  /** Index in the listing sorted by class, then by path. */
  readonly id: number;
}

export interface FolderListing {
  readonly entries: readonly FolderEntry[];
  readonly classes: readonly string[];
  /** Classes that the limit leaves out although there is room for an image of each. */
  readonly missed: number;
}

export interface ListingParameters {
  readonly path: string;
  readonly classes?: string;
  readonly onlyClasses?: readonly string[];
  readonly files?: string;
  readonly offset: number;
  readonly limit?: number;
  readonly stratify: boolean;
  readonly extensions: readonly string[];
}

interface ClassFolder {
  readonly name: string;
  readonly label: number;
  /** Relative to the folder of all classes. */
  readonly images: readonly string[];
}

/**
 * Images of `path/CLASS/…/NAME.EXT`, sorted by class index and then by path in code-unit order, so that every
 * machine lists them in the same order. The ids are the indices in this listing, whatever is then chosen from
 * it. Opens no image. Throws `StageError` for a wrong layout, for an empty class folder, and for a folder
 * that is not in the list of classes.
 */
export async function listImageFolder(
  params: ListingParameters,
  resolve: (path: string) => string,
): Promise<FolderListing> {
  const root = resolve(params.path);
  const extensions = new Set(params.extensions.map((extension) => `.${extension.toLowerCase()}`));
  const folders = await classFolders(root, params, extensions);
  const classes = params.classes === undefined ? folders : readClassNames(resolve(params.classes));
  const present = await imagesOfClasses(root, folders, classes, params, extensions);
  const all = present.flatMap(({ label, images }) =>
    images.map((path) => ({ path, file: join(root, path), label })),
  );
  const wanted = chosenLabels(params, classes, root);
  const positions =
    params.files === undefined
      ? [...all.keys()]
      : readImageList(
          resolve(params.files),
          all.map(({ path }) => path),
          root,
        );
  const chosen = positions
    .map((id) => ({ file: all[id]!.file, label: all[id]!.label, id }))
    .filter(({ label }) => wanted === null || wanted.has(label));
  const ordered = params.stratify ? inTurn(byLabel(chosen)) : chosen;
  afterOffset(ordered.length, params.offset, 'listing', root);
  const entries = ordered.slice(params.offset).slice(0, params.limit);
  return { entries, classes, missed: missedClasses(ordered, entries, params) };
}

/**
 * The number of classes that a limit leaves out although there is room for an image of each, because the listing goes from class to
 * class. 0 if the user chose the images or their order.
 */
function missedClasses(
  all: FolderListing['entries'],
  taken: FolderListing['entries'],
  { files, stratify, limit, offset }: ListingParameters,
): number {
  if (limit === undefined || stratify || files !== undefined || offset > 0) return 0;
  const present = new Set(all.map(({ label }) => label)).size;
  const covered = new Set(taken.map(({ label }) => label)).size;
  return covered < Math.min(limit, present) ? present - covered : 0;
}

async function classFolders(
  root: string,
  { path }: ListingParameters,
  extensions: ReadonlySet<string>,
): Promise<readonly string[]> {
  const { folders, files } = await readFolder(root);
  if (folders.length > 0) return folders;
  const images = files.filter((name) => isImage(name, extensions)).length;
  throw new StageError(
    images > 0
      ? `${root} holds ${counted(images, 'image')} directly; one folder per class is expected`
      : `${root} holds no class folders`,
    { code: 'bad-data', file: root, fix: `arrange the images as ${path}/CLASS/NAME.png` },
  );
}

async function imagesOfClasses(
  root: string,
  folders: readonly string[],
  classes: readonly string[],
  params: ListingParameters,
  extensions: ReadonlySet<string>,
): Promise<readonly ClassFolder[]> {
  const labels = indexByName(classes);
  const present: ClassFolder[] = [];
  for (const name of folders) {
    const label = labels.get(name.normalize());
    const folder = join(root, name);
    const fail = (message: string, fix: string): StageError =>
      new StageError(message, { code: 'bad-data', file: folder, fix });
    if (label === undefined)
      throw fail(
        `the folder ${folder} is not in the list of ${classes.length} classes`,
        `add '${name}' to ${params.classes ?? 'the classes'}, or remove the folder`,
      );
    if (present.some((other) => other.label === label))
      throw fail(
        `${root} has the folder '${name}' in two Unicode forms`,
        'put their images into one of them',
      );
    const images = await imagesBelow(folder, extensions);
    if (images.length === 0)
      throw fail(
        `the class folder ${folder} holds no image (${[...extensions].join(', ')})`,
        'add an image, remove the folder, or name other extensions in extensions',
      );
    present.push({ name, label, images: images.map((path) => `${name}/${path}`) });
  }
  return present.sort((a, b) => a.label - b.label);
}

/** The labels whose images are taken; null for all of them. */
function chosenLabels(
  { onlyClasses, classes: list }: ListingParameters,
  classes: readonly string[],
  root: string,
): ReadonlySet<number> | null {
  if (onlyClasses === undefined) return null;
  const labels = indexByName(classes);
  return new Set(
    onlyClasses.map((name) => {
      const label = labels.get(name.normalize());
      if (label !== undefined) return label;
      throw new StageError(`onlyClasses names '${name}', which is not a class of ${list ?? root}`, {
        code: 'bad-data',
        file: root,
        fix: 'write the names of class folders',
      });
    }),
  );
}

function byLabel(entries: readonly FolderEntry[]): readonly (readonly FolderEntry[])[] {
  const lists = new Map<number, FolderEntry[]>();
  for (const entry of entries) {
    const list = lists.get(entry.label);
    if (list === undefined) lists.set(entry.label, [entry]);
    else list.push(entry);
  }
  return [...lists].sort(([a], [b]) => a - b).map(([, list]) => list);
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
