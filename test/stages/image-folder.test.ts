import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inTurn } from '../../src/stages/dataset/shared/folder-listing.ts';
import { resizeBilinear, resizedShape, roundHalfToEven } from '../../src/stages/dataset/shared/resample.ts';
import type { Images } from '../../src/values/images.ts';
import { concatValues } from '../../src/values/slices.ts';
import { failureOf, imagesOf, surveyStage } from './run-stage.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravelin-folder-'));
});
afterEach(() => rm(root, { recursive: true }));

/** An image whose first channel is its column, second its row, third `blue`. */
async function png(
  path: string,
  width: number,
  height: number,
  { blue = 0, channels = 3 }: { blue?: number; channels?: 1 | 3 | 4 } = {},
): Promise<void> {
  const data = Buffer.alloc(width * height * channels);
  for (let index = 0; index < width * height; index++) {
    const pixel = [index % width, Math.floor(index / width), blue, 255].slice(0, channels);
    data.set(pixel, index * channels);
  }
  await mkdir(join(root, path, '..'), { recursive: true });
  const image = sharp(data, { raw: { width, height, channels } });
  await (channels === 1 ? image.toColourspace('b-w') : image).png().toFile(join(root, path));
}

describe('dataset/image-folder', () => {
  it('reads pixels exactly, labels by sorted folder, and ids by the sorted listing', async () => {
    await png('data/dog/b.png', 4, 3, { blue: 3 });
    await png('data/dog/a.png', 4, 3, { blue: 2 });
    await png('data/cat/z.PNG', 4, 3, { blue: 1 });
    await writeFile(join(root, 'data/cat/notes.txt'), 'not an image');
    const images = await imagesOf('dataset/image-folder', { path: 'data' }, { root });
    expect(images.shape).toEqual([3, 3, 4, 3]);
    expect(images.classes).toEqual(['cat', 'dog']);
    expect([...images.labels]).toEqual([0, 1, 1]);
    expect([...images.ids]).toEqual([0, 1, 2]);
    expect([...images.pixels.subarray(0, 6)]).toEqual([0, 0, 1, 1, 0, 1]);
    expect(images.pixels[36 + 2]).toBe(2);
  });

  it('takes labels from a JSON list, of which not every class needs a folder', async () => {
    await png('data/dog/a.png', 2, 2);
    await writeFile(join(root, 'classes.json'), '["bird", "cat", "dog"]');
    const images = await imagesOf(
      'dataset/image-folder',
      { path: 'data', classes: 'classes.json' },
      { root },
    );
    expect([...images.labels]).toEqual([2]);
    const survey = await surveyStage('dataset/image-folder', { path: 'data', classes: 'classes.json' }, root);
    expect(survey!.files(0, 1)).toEqual([join(root, 'data/dog/a.png')]);
  });

  it('takes classes in turn when stratified, and keeps the ids of the plain listing', async () => {
    for (const name of ['a/1', 'a/2', 'a/3', 'b/1', 'c/1', 'c/2']) await png(`data/${name}.png`, 2, 2);
    const images = await imagesOf(
      'dataset/image-folder',
      { path: 'data', stratify: true, limit: 5 },
      { root },
    );
    expect([...images.labels]).toEqual([0, 1, 2, 0, 2]);
    expect([...images.ids]).toEqual([0, 3, 4, 1, 5]);
    expect(inTurn([['a', 'b', 'c'], ['d']])).toEqual(['a', 'd', 'b', 'c']);
  });

  it('gives the same images in shards as at once', async () => {
    for (let index = 0; index < 7; index++) await png(`data/a/${index}.png`, 2, 2, { blue: index });
    const whole = await imagesOf('dataset/image-folder', { path: 'data' }, { root });
    const part = await imagesOf(
      'dataset/image-folder',
      { path: 'data' },
      { root, shard: { first: 3, count: 4 } },
    );
    expect(part.pixels).toEqual(whole.pixels.subarray(3 * 12));
    expect([...part.ids]).toEqual([3, 4, 5, 6]);
  });

  it('takes the stored numbers of an image with a colour profile, as Pillow does', async () => {
    await png('data/a/1.png', 60, 90, { blue: 30 });
    const file = join(root, 'data/a/1.png');
    const plain = await readFile(file);
    const wide = await sharp(plain).withIccProfile('p3').png().toBuffer();
    const profile = (await sharp(wide).metadata()).icc!;
    const content = Buffer.concat([Buffer.from('iCCPp3\0\0', 'latin1'), deflateSync(profile)]);
    const word = (value: number): Buffer => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value >>> 0);
      return bytes;
    };
    // After the signature and the header chunk: length, type and content, checksum.
    const chunk = Buffer.concat([word(content.length - 4), content, word(crc32(content))]);
    await writeFile(file, Buffer.concat([plain.subarray(0, 33), chunk, plain.subarray(33)]));
    expect((await sharp(file).metadata()).icc).toEqual(profile);
    const images = await imagesOf('dataset/image-folder', { path: 'data' }, { root });
    expect([...images.pixels.subarray(3 * (60 * 80 + 50), 3 * (60 * 80 + 51))]).toEqual([50, 80, 30]);
  });

  it('crops the centre at int(round((size − crop) / 2)), halves to even, as torchvision does', async () => {
    // (7 − 4) / 2 = 1.5 rounds to 2 and (9 − 4) / 2 = 2.5 rounds to 2.
    await png('data/a/1.png', 9, 7);
    const images = await imagesOf('dataset/image-folder', { path: 'data', crop: 4 }, { root });
    expect(images.shape).toEqual([1, 4, 4, 3]);
    expect([...images.pixels.subarray(0, 3)]).toEqual([2, 2, 0]);
    expect([0.5, 1.5, 2.5, 3, 2.4].map(roundHalfToEven)).toEqual([0, 2, 2, 3, 2]);
  });

  it('resizes the shorter side and rounds the longer one down, as torchvision does', async () => {
    expect(resizedShape(375, 500, 256)).toEqual([256, 341]);
    expect(resizedShape(500, 375, 256)).toEqual([341, 256]);
    await png('data/a/1.png', 50, 30);
    const images = await imagesOf('dataset/image-folder', { path: 'data', resize: 10 }, { root });
    expect(images.shape).toEqual([1, 10, 16, 3]);
  });

  it('resizes bilinearly with antialiasing: a halved row has the weights 1, 3, 3, 1 over 8 of a triangle', () => {
    const row = {
      data: Uint8Array.from([0, 0, 0, 80, 160, 160, 160, 160]),
      height: 1,
      width: 8,
      channels: 1,
    };
    // Output 1 has its centre at 3: inputs 1 to 4 weigh 1, 3, 3, 1. (0 + 0 + 3·80 + 160) / 8 = 50.
    expect(resizeBilinear(row, 1, 4).data[1]).toBe(50);
    const wide = { ...row, data: Uint8Array.from([0, 100]), width: 2 };
    // Enlarging interpolates between centres: 0, 25, 75, 100.
    expect([...resizeBilinear(wide, 1, 4).data]).toEqual([0, 25, 75, 100]);
    const flat = { data: new Uint8Array(5 * 7 * 3).fill(201), height: 5, width: 7, channels: 3 };
    expect(new Set(resizeBilinear(flat, 13, 3).data)).toEqual(new Set([201]));
  });

  it('repeats grey to RGB and turns colour to luma only where it is told to convert', async () => {
    await png('grey/a/1.png', 3, 2, { channels: 1 });
    const failure = await failureOf(imagesOf('dataset/image-folder', { path: 'grey' }, { root }));
    expect(failure.message).toContain('is a grey image (1 channel), but RGB is needed');
    expect(failure.file).toBe(join(root, 'grey/a/1.png'));
    const converted = await imagesOf('dataset/image-folder', { path: 'grey', convert: true }, { root });
    expect([...converted.pixels.subarray(0, 6)]).toEqual([0, 0, 0, 1, 1, 1]);
    const grey = await imagesOf('dataset/image-folder', { path: 'grey', channels: 'grey' }, { root });
    expect(grey.shape).toEqual([1, 2, 3, 1]);
    await png('colour/a/1.png', 3, 2, { blue: 100 });
    expect(
      (await failureOf(imagesOf('dataset/image-folder', { path: 'colour', channels: 'grey' }, { root })))
        .message,
    ).toContain('is a colour image (3 channels)');
    const luma = await imagesOf(
      'dataset/image-folder',
      { path: 'colour', channels: 'grey', convert: true },
      { root },
    );
    expect(luma.pixels[0]).toBe(11);
  });

  it.each([
    ['an alpha channel', 'has an alpha channel', () => png('data/a/1.png', 4, 4, { channels: 4 })],
    [
      'a truncated PNG',
      'cannot be decoded',
      async () => {
        await png('data/a/whole.png', 64, 64);
        const bytes = await sharp(join(root, 'data/a/whole.png')).png().toBuffer();
        await writeFile(join(root, 'data/a/1.png'), bytes.subarray(0, bytes.length / 2));
      },
    ],
    [
      'a text file named .png',
      'cannot be decoded',
      async () => {
        await mkdir(join(root, 'data/a'), { recursive: true });
        await writeFile(join(root, 'data/a/1.png'), 'no image at all');
      },
    ],
  ])('names the file for %s', async (_, message, make) => {
    await make();
    const failure = await failureOf(imagesOf('dataset/image-folder', { path: 'data' }, { root }));
    expect(failure.code).toBe('bad-data');
    expect(failure.file).toBe(join(root, 'data/a/1.png'));
    expect(failure.message).toContain(message);
    expect(failure.message).not.toContain('\n');
    expect(failure.fix).toBeTruthy();
  });

  it('refuses an empty class folder, images without class folders, no folder, and a folder that is no class', async () => {
    const fail = async (given: Record<string, unknown>): Promise<string> => {
      const failure = await failureOf(imagesOf('dataset/image-folder', given, { root }));
      return failure.message.replaceAll(root, '');
    };
    await png('data/a/1.png', 2, 2);
    await mkdir(join(root, 'data/b'));
    expect(await fail({ path: 'data' })).toBe(
      'the class folder /data/b holds no image (.png, .jpg, .jpeg, .webp)',
    );
    await png('flat/1.png', 2, 2);
    expect(await fail({ path: 'flat' })).toBe(
      '/flat holds 1 image directly; one folder per class is expected',
    );
    expect(await fail({ path: 'nowhere' })).toBe('/nowhere does not exist');
    await writeFile(join(root, 'classes.json'), '["a", "c"]');
    expect(await fail({ path: 'data', classes: 'classes.json' })).toBe(
      'the folder /data/b is not in the list of 2 classes',
    );
    await writeFile(join(root, 'classes.json'), '{"a": 1}');
    expect(await fail({ path: 'data', classes: 'classes.json' })).toBe(
      '/classes.json is not a list of class names',
    );
  });

  it('refuses a crop larger than the image, and images of several sizes', async () => {
    await png('data/a/1.png', 8, 6);
    const failure = await failureOf(imagesOf('dataset/image-folder', { path: 'data', crop: 7 }, { root }));
    expect(failure.message).toContain('is 8×6: too small for a crop of 7');
    await png('data/a/2.png', 8, 8);
    expect((await failureOf(imagesOf('dataset/image-folder', { path: 'data' }, { root }))).fix).toContain(
      'set resize and crop',
    );
  });

  it('refuses images of several sizes alike, whichever shards they are in', async () => {
    await png('data/a/1.png', 8, 6);
    await png('data/a/2.png', 8, 8);
    await png('data/a/3.png', 16, 12);
    const shard = (first: number, count: number, params: object = {}): Promise<Images> =>
      imagesOf('dataset/image-folder', { path: 'data', ...params }, { root, shard: { first, count } });
    const whole = await failureOf(shard(0, 2));
    const second = await failureOf(shard(1, 1));
    expect([second.message, second.file, second.fix]).toEqual([whole.message, whole.file, whole.fix]);
    expect((await shard(0, 1)).shape).toEqual([1, 6, 8, 3]);
    // Half as large, it is like the first one.
    expect((await shard(2, 1, { resize: 6 })).shape).toEqual([1, 6, 8, 3]);
    expect((await shard(1, 1, { resize: 6, crop: 6 })).shape).toEqual([1, 6, 6, 3]);
  });

  it('cannot be one set with images of another size, which is an error with what to do', async () => {
    await png('data/a/1.png', 8, 6);
    await png('more/a/1.png', 8, 8);
    const [one, other] = await Promise.all(
      ['data', 'more'].map((path) => imagesOf('dataset/image-folder', { path }, { root })),
    );
    expect(() => concatValues([one!, other!])).toThrow(
      expect.objectContaining({
        name: 'ValueError',
        message: 'images of 6×8×3 and of 8×8×3 (height×width×channels) cannot be one set',
      }),
    );
  });
});
