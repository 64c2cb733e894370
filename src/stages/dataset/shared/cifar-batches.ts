import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StageError } from '../../../runtime/stage.ts';
import { openData, readRange } from './files.ts';

export interface CifarBatch {
  readonly path: string;
  /** Row of its first image in the split. */
  readonly first: number;
  readonly count: number;
}

const plane = 32 * 32;
/** A label byte, then the red, the green and the blue plane, each row-major. */
const recordBytes = 1 + 3 * plane;

/**
 * The files of a split in order. Throws `StageError` if one is missing, empty, or not a whole number of
 * records long.
 */
export async function cifarBatches(root: string, split: 'train' | 'test'): Promise<readonly CifarBatch[]> {
  const names =
    split === 'test'
      ? ['test_batch.bin']
      : [1, 2, 3, 4, 5]
          .map((number) => `data_batch_${number}.bin`)
          // The first batch must be there. A set may have fewer than five, but none may be missing in
          // between.
          .filter((name, index) => index === 0 || existsSync(join(root, name)));
  const batches: CifarBatch[] = [];
  let first = 0;
  for (const [index, name] of names.entries()) {
    const path = join(root, name);
    if (split === 'train' && name !== `data_batch_${index + 1}.bin`) {
      throw new StageError(`${join(root, `data_batch_${index + 1}.bin`)} is missing, but ${name} is there`, {
        code: 'bad-data',
        file: join(root, `data_batch_${index + 1}.bin`),
        fix: 'fetch the missing batch',
      });
    }
    const { handle, length } = await openData(path);
    await handle.close();
    if (length === 0 || length % recordBytes !== 0) {
      throw new StageError(
        `${path} has ${length} bytes, which is not a whole number of records of ${recordBytes} (a label and 32×32×3)`,
        {
          code: 'bad-data',
          file: path,
          fix: 'fetch the binary version of CIFAR-10 again; this file is truncated or another version',
        },
      );
    }
    batches.push({ path, first, count: length / recordBytes });
    first += length / recordBytes;
  }
  return batches;
}

/** Images `first … first + count − 1` of the split as `[count, 32, 32, 3]`, with their labels. */
export async function readCifarRecords(
  batches: readonly CifarBatch[],
  first: number,
  count: number,
): Promise<{ readonly pixels: Uint8Array; readonly labels: Int32Array }> {
  const pixels = new Uint8Array(count * 3 * plane);
  const labels = new Int32Array(count);
  for (const batch of batches) {
    const start = Math.max(first, batch.first);
    const end = Math.min(first + count, batch.first + batch.count);
    if (start >= end) continue;
    const { handle } = await openData(batch.path);
    try {
      const from = (start - batch.first) * recordBytes;
      const bytes = await readRange(handle, batch.path, from, (end - start) * recordBytes);
      for (let row = start; row < end; row++) {
        const record = bytes.subarray((row - start) * recordBytes, (row - start + 1) * recordBytes);
        labels[row - first] = checkedLabel(record[0]!, batch.path, row);
        const to = (row - first) * 3 * plane;
        for (let position = 0; position < plane; position++) {
          for (let channel = 0; channel < 3; channel++)
            pixels[to + 3 * position + channel] = record[1 + channel * plane + position]!;
        }
      }
    } finally {
      await handle.close();
    }
  }
  return { pixels, labels };
}

function checkedLabel(label: number, file: string, row: number): number {
  if (label < 10) return label;
  throw new StageError(`label ${label} of image ${row} is not one of 0 to 9`, {
    code: 'bad-data',
    file,
    fix: 'give the binary files of CIFAR-10; this one is damaged, or belongs to CIFAR-100, whose records begin with two labels',
  });
}
