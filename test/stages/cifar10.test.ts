import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failureOf, imagesOf, surveyStage } from './run-stage.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravelin-cifar-'));
});
afterEach(() => rm(root, { recursive: true }));

/** Record n has label n mod 10, and n + 100 · channel in its first position, position in the others. */
function batch(first: number, count: number): Buffer {
  const records = Array.from({ length: count }, (_, index) => {
    const record = Buffer.alloc(3073);
    record[0] = (first + index) % 10;
    for (let at = 0; at < 3072; at++) record[1 + at] = at % 1024;
    for (let channel = 0; channel < 3; channel++) record[1 + 1024 * channel] = first + index + 100 * channel;
    return record;
  });
  return Buffer.concat(records);
}
const write = (name: string, bytes: Buffer): Promise<void> => writeFile(join(root, name), bytes);
const read = (params: Record<string, unknown>, shard?: { first: number; count: number }) =>
  imagesOf('dataset/cifar10', { path: '.', ...params }, { root, ...(shard && { shard }) });

describe('dataset/cifar10', () => {
  it('interleaves the colour planes and reads a shard across two training batches', async () => {
    await write('data_batch_1.bin', batch(0, 5));
    await write('data_batch_2.bin', batch(5, 4));
    const survey = (await surveyStage('dataset/cifar10', { path: '.', split: 'train', offset: 1 }, root))!;
    expect(survey.images).toBe(8);
    expect(survey.files(0, 4)).toEqual([join(root, 'data_batch_1.bin')]);
    expect(survey.files(2, 3)).toEqual([join(root, 'data_batch_1.bin'), join(root, 'data_batch_2.bin')]);
    expect(survey.files(4, 4)).toEqual([join(root, 'data_batch_2.bin')]);
    // A batch of another length before it gives the image another row.
    expect(survey.facts!(2, 3)).toEqual([0, 5]);
    const images = await read({ split: 'train', offset: 1 }, { first: 2, count: 4 });
    expect(images.shape).toEqual([4, 32, 32, 3]);
    expect([...images.labels]).toEqual([3, 4, 5, 6]);
    expect([...images.ids]).toEqual([3, 4, 5, 6]);
    expect([...images.pixels.subarray(0, 9)]).toEqual([3, 103, 203, 1, 1, 1, 2, 2, 2]);
    expect([...images.pixels.subarray(3 * 3072, 3 * 3072 + 3)]).toEqual([6, 106, 206]);
    expect(images.classes[9]).toBe('truck');
  });

  it('refuses batches that are missing, truncated, skipped or of other classes', async () => {
    expect((await failureOf(read({}))).message).toContain('test_batch.bin does not exist');
    await write('test_batch.bin', batch(0, 2).subarray(1));
    expect((await failureOf(read({}))).message).toContain(
      'has 6145 bytes, which is not a whole number of records of 3073',
    );
    await write('test_batch.bin', Buffer.alloc(3073, 12));
    expect((await failureOf(read({}))).message).toContain('label 12 of image 0 is not one of 0 to 9');
    await write('data_batch_1.bin', batch(0, 1));
    await write('data_batch_3.bin', batch(0, 1));
    expect((await failureOf(read({ split: 'train' }))).message).toContain('data_batch_2.bin is missing');
    expect((await failureOf(read({ offset: 1 }))).message).toContain('offset 1 leaves no image');
  });
});
