import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isFileError } from '../files/file-error.ts';
import { cutName } from '../files/file-names.ts';
import { writeWhole } from '../files/write-whole.ts';
import { counted } from '../values/counted.ts';
import type { Images } from '../values/images.ts';
import { toFloats } from '../values/slices.ts';
import { UsageError } from './exit-codes.ts';

/** The folder of images without a label. */
const unlabelled = 'without a label';
/** Names of classes are cut to leave room for what makes them unique. */
const mostNameBytes = 200;

/**
 * Writes each image to `CLASS/ID.png` in a folder, rounded to bytes (halves upwards), and the names of the classes in the order of
 * their labels to `classes.json`, so that `dataset/image-folder` reads the images back with their labels. Several views of an image
 * are `ID-0.png`, `ID-1.png` and so on. The folder has all of them or, after an error or a kill, is as it was before, but for the
 * moment in which classes that it had are replaced. Returns the number of images. Throws `UsageError` for images that are neither
 * grey nor in colour, and if the folder has images that are not replaced, because they would be read as part of the set.
 */
export async function writeEachImage(images: Images, folder: string): Promise<number> {
  const { shape, views, labels, ids } = images;
  const [rows, height, width, channels] = shape;
  if (channels !== 1 && channels !== 3)
    throw new UsageError(
      `images with ${channels} channels cannot be written as .png`,
      'export them as .npz or .safetensors',
    );
  const names = classFolderNames(images);
  const places = Array.from({ length: rows }, (_, row) => {
    const image = Math.floor(row / views);
    return {
      within: names[labels[image]!] ?? unlabelled,
      name: `${ids[image]!}${views === 1 ? '' : `-${row % views}`}.png`,
    };
  });
  refuseOthers(folder, new Set(places.map(({ within, name }) => `${within}/${name}`)));

  const { default: sharp } = await import('sharp');
  const pixels = toFloats(images.pixels);
  const size = height * width * channels;
  const target = resolve(folder);
  const temporary = join(dirname(target), `.tmp-${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    for (const [row, { within, name }] of places.entries()) {
      const bytes = Buffer.from(
        Uint8Array.from(pixels.subarray(row * size, (row + 1) * size), (value) =>
          Math.floor(value * 255 + 0.5),
        ),
      );
      const png = await sharp(bytes, { raw: { width, height, channels } })
        .toColourspace(channels === 1 ? 'b-w' : 'srgb')
        .png()
        .toBuffer();
      writeWhole(join(temporary, within, name), png);
    }
    mkdirSync(target, { recursive: true });
    for (const within of new Set(places.map((place) => place.within))) {
      rmSync(join(target, within), { recursive: true, force: true });
      renameSync(join(temporary, within), join(target, within));
    }
    writeWhole(join(target, 'classes.json'), `${JSON.stringify(names)}\n`);
  } catch (error) {
    // The temporary folder is of no interest to the user.
    if (isFileError(error) && error.path?.startsWith(temporary) === true)
      Object.assign(error, { path: folder, dest: undefined });
    throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return rows;
}

/**
 * A name of a folder for each label: the name of its class, with `_` for each character that file systems or shells may not take.
 * Names that would be one folder, also where case makes no difference, end in their label.
 */
export function classFolderNames({ classes, labels }: Pick<Images, 'classes' | 'labels'>): readonly string[] {
  const most = labels.reduce((largest, label) => Math.max(largest, label), -1);
  const count = Math.max(classes.length, most + 1);
  // Without names, numbers of one width sort like the labels.
  const digits = String(Math.max(most, 0)).length;
  const plain = Array.from({ length: count }, (_, label) => {
    const text = classes[label] ?? String(label).padStart(digits, '0');
    const name = cutName(text.replaceAll(/[^\p{L}\p{N}_.=, -]/gu, '_'), mostNameBytes);
    // Hidden folders are not read, some systems cut dots and spaces at the end, and others lie beside the folders.
    const isTaken = ['classes.json', unlabelled].includes(name.toLowerCase());
    return /^(?:\.|\s*$)|[. ]$/.test(name) || isTaken ? `_${name}_` : name;
  });
  const fold = (name: string): string => name.normalize('NFC').toLowerCase();
  const uses = new Map<string, number>();
  for (const name of plain) uses.set(fold(name), (uses.get(fold(name)) ?? 0) + 1);
  const taken = new Set([...uses].flatMap(([name, number]) => (number === 1 ? [name] : [])));
  return plain.map((name, label) => {
    if (uses.get(fold(name)) === 1) return name;
    let own = `${name}-${label}`;
    while (taken.has(fold(own))) own = `${own}_`;
    taken.add(fold(own));
    return own;
  });
}

/** Throws `UsageError` if a class folder in `folder` has a file that is not one of `written`, or if `folder` is a file. */
function refuseOthers(folder: string, written: ReadonlySet<string>): void {
  const others = namesIn(folder, true).flatMap((within) =>
    namesIn(join(folder, within), false)
      .map((name) => `${within}/${name}`)
      .filter((path) => !written.has(path)),
  );
  if (others.length > 0)
    throw new UsageError(
      `${folder} has ${counted(others.length, 'file')} that this export does not write, such as ${others[0]!}: dataset/image-folder would read them with its images`,
      'name another folder, or remove this one',
    );
}

/** Names of the folders, or of everything else, in a folder, without hidden ones; none if it is missing. */
function namesIn(folder: string, folders: boolean): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() === folders && !entry.name.startsWith('.'))
      .map(({ name }) => name);
  } catch (error) {
    if (isFileError(error) && error.code === 'ENOENT') return [];
    throw error;
  }
}
