import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StageError } from '../../src/runtime/stage.ts';
import type { Images } from '../../src/values/images.ts';
import { failureOf, imagesOf } from './run-stage.ts';
import { tiff, type TiffKind } from './tiff.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravelin-kinds-'));
  await mkdir(join(root, 'data/a'), { recursive: true });
});
afterEach(() => rm(root, { recursive: true }));

/** Images of one file of the given bytes. */
async function read(name: string, bytes: Uint8Array, params: Record<string, unknown> = {}): Promise<Images> {
  await writeFile(join(root, 'data/a', name), bytes);
  const extensions = ['tif', 'jpg', 'png'];
  return imagesOf('dataset/image-folder', { path: 'data', extensions, ...params }, { root });
}

async function refusal(
  name: string,
  bytes: Uint8Array,
  params: Record<string, unknown> = {},
): Promise<StageError> {
  const failure = await failureOf(read(name, bytes, params));
  expect(failure.code).toBe('bad-data');
  expect(failure.file).toBe(join(root, 'data/a', name));
  return failure;
}

const withoutRoot = ({ message }: StageError): string => message.replace(`${root}/data/a/`, '');

describe('the samples of an image file', () => {
  const floats = new Uint8Array(
    Float32Array.of(0, 0.25, 0.5, 0.75, 1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7).buffer,
  );
  const refused: readonly [TiffKind, Uint8Array, string][] = [
    [{ photometric: 2, channels: 3, bits: 32, format: 3 }, floats, '32-bit float'],
    [{ photometric: 1, channels: 1, bits: 32, format: 3 }, floats.subarray(0, 16), '32-bit float'],
    [{ photometric: 2, channels: 3, bits: 16, format: 2 }, new Uint8Array(24), '16-bit signed integer'],
    [{ photometric: 2, channels: 3, bits: 8, format: 2 }, new Uint8Array(12), '8-bit signed integer'],
    [{ photometric: 2, channels: 3, bits: 32 }, new Uint8Array(48), '32-bit integer'],
  ];
  it.each(refused)('are refused as %j, also with convert', async (kind, data, type) => {
    for (const convert of [false, true]) {
      const failure = await refusal('x.tif', tiff(data, 2, 2, kind), { convert });
      expect(withoutRoot(failure)).toBe(
        `x.tif has ${type} samples, but only 8-bit and 16-bit unsigned samples are read`,
      );
      expect(failure.fix).toBe('save 8-bit images, or use dataset/safetensors');
    }
  });

  it('are refused as luma and chroma, which would be taken for red, green and blue', async () => {
    const kind = { photometric: 6, channels: 3, bits: 8 };
    expect(withoutRoot(await refusal('x.tif', tiff(new Uint8Array(12), 2, 2, kind), { convert: true }))).toBe(
      'x.tif stores luma and chroma (YCbCr) without JPEG compression, which is not read',
    );
    const rgb = tiff(
      Uint8Array.from({ length: 12 }, (_, index) => index),
      2,
      2,
      { ...kind, photometric: 2 },
    );
    expect([...(await read('x.tif', rgb)).pixels]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('are refused in more channels than the colour space has', async () => {
    const kind = { photometric: 1, channels: 5, bits: 8, extra: 4 };
    expect(withoutRoot(await refusal('x.tif', tiff(new Uint8Array(20), 2, 2, kind), { convert: true }))).toBe(
      'x.tif has 5 channels',
    );
  });

  it('lose their lower 8 of 16 bits only with convert', async () => {
    const wide = (values: readonly number[]): Uint8Array => new Uint8Array(Uint16Array.from(values).buffer);
    const grey = tiff(wide([0, 255, 256, 65535]), 2, 2, { photometric: 1, channels: 1, bits: 16 });
    for (const channels of ['rgb', 'grey']) {
      const failure = await refusal('x.tif', grey, { channels });
      expect(withoutRoot(failure)).toBe('x.tif has 16-bit samples, but 8-bit samples are needed');
      expect(failure.fix).toBe('save 8-bit images, or set convert: true, which keeps the upper 8 bits');
    }
    const { pixels } = await read('x.tif', grey, { convert: true, channels: 'grey' });
    expect([...pixels]).toEqual([0, 0, 1, 255]);
    const colour = tiff(wide([0x1234, 0x00ff, 0xffff]), 1, 1, { photometric: 2, channels: 3, bits: 16 });
    expect([...(await read('x.tif', colour, { convert: true })).pixels]).toEqual([0x12, 0, 0xff]);
  });
});

describe('CMYK', () => {
  // Numbers of Pillow 13: Image.fromarray(array, 'CMYK').convert('RGB').
  const inks = Uint8Array.of(...[255, 0, 146, 127], ...[0, 0, 0, 0], ...[10, 200, 99, 1], ...[3, 4, 5, 255]);
  const colours = [0, 128, 55, 255, 255, 255, 244, 55, 155, 0, 0, 0];

  it('becomes (255 − ink)(255 − black) / 255, as in Pillow, only with convert', async () => {
    const file = tiff(inks, 2, 2, { photometric: 5, channels: 4, bits: 8 });
    expect(withoutRoot(await refusal('x.tif', file))).toBe('x.tif is CMYK, but RGB is needed');
    expect([...(await read('x.tif', file, { convert: true })).pixels]).toEqual(colours);
    const grey = await read('x.tif', file, { convert: true, channels: 'grey' });
    expect([...grey.pixels]).toEqual([81, 255, 123, 0]);
  });

  it('has the same values out of a JPEG, which may store the inks inverted', async () => {
    const flat = (ink: readonly number[]): Uint8Array =>
      tiff(
        Uint8Array.from({ length: 4 * 64 }, (_, index) => ink[index % 4]!),
        8,
        8,
        {
          ...{ photometric: 5, channels: 4, bits: 8 },
        },
      );
    const jpeg = await sharp(flat([100, 100, 100, 50]))
      .pipelineColourspace('cmyk')
      .toColourspace('cmyk')
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toBuffer();
    expect((await sharp(jpeg).metadata()).space).toBe('cmyk');
    // (255 − 100)(255 − 50) / 255 = 124.6; the quantisation of the JPEG may move an ink by one.
    for (const value of (await read('x.jpg', jpeg, { convert: true })).pixels)
      expect(Math.abs(value - 125)).toBeLessThanOrEqual(2);
  });

  it('of 16 bits is refused', async () => {
    const file = tiff(new Uint8Array(32), 2, 2, { photometric: 5, channels: 4, bits: 16 });
    expect(withoutRoot(await refusal('x.tif', file, { convert: true }))).toBe(
      'x.tif has the colour space cmyk with 16-bit samples, which is not read',
    );
  });
});

describe('a resized image', () => {
  it('has a limit, as a narrow file becomes as long as it is narrow', async () => {
    const strip = await sharp({ create: { width: 20_000, height: 2, channels: 3, background: '#123456' } })
      .png()
      .toBuffer();
    expect(withoutRoot(await refusal('x.png', strip, { resize: 8192 }))).toBe(
      'x.png is 20000×2, so it would be 81920000×8192 after resizing; at most 33554432 pixels are allowed',
    );
    const small = await read('x.png', strip, { resize: 3, crop: 3 });
    expect(small.shape).toEqual([1, 3, 3, 3]);
  });
});
