import { join } from 'node:path';
import { writeWhole } from '../files/write-whole.ts';
import type { Images } from '../values/images.ts';
import { toFloats } from '../values/slices.ts';
import { UsageError } from './exit-codes.ts';

/**
 * Writes each image to `CLASS/ID.png` in a folder, rounded to bytes (halves upwards), and the names of the classes in the order of
 * their labels to `classes.json`, so that `dataset/image-folder` reads the images back with their labels. Several views of an image
 * are `ID-0.png`, `ID-1.png` and so on. Returns the number of images. Throws `UsageError` for images that are neither grey nor in
 * colour.
 */
export async function writeEachImage(images: Images, folder: string): Promise<number> {
  const { shape, views, labels, ids, classes } = images;
  const [rows, height, width, channels] = shape;
  if (channels !== 1 && channels !== 3)
    throw new UsageError(
      `images with ${channels} channels cannot be written as .png`,
      'export them as .npz or .safetensors',
    );
  const { default: sharp } = await import('sharp');
  const pixels = toFloats(images.pixels);
  const size = height * width * channels;
  const most = labels.reduce((largest, label) => Math.max(largest, label), -1);
  // Without names, numbers of one width sort like the labels.
  const digits = String(Math.max(most, 0)).length;
  const names = Array.from({ length: Math.max(classes.length, most + 1) }, (_, label) =>
    (classes[label] ?? String(label).padStart(digits, '0')).replaceAll(/[^\p{L}\p{N}_.=, -]/gu, '_'),
  );
  for (let row = 0; row < rows; row++) {
    const image = Math.floor(row / views);
    const within = join(folder, names[labels[image]!] ?? 'without a label');
    const bytes = Buffer.from(
      Uint8Array.from(pixels.subarray(row * size, (row + 1) * size), (value) =>
        Math.floor(value * 255 + 0.5),
      ),
    );
    const png = await sharp(bytes, { raw: { width, height, channels } })
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .png()
      .toBuffer();
    writeWhole(join(within, `${ids[image]!}${views === 1 ? '' : `-${row % views}`}.png`), png);
  }
  writeWhole(join(folder, 'classes.json'), `${JSON.stringify(names)}\n`);
  return rows;
}
