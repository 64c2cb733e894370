/** Total variation as functions of TensorFlow, on its build for the CPU if there is no GPU. */
import { beforeAll, describe, expect, it } from 'vitest';
import { dropPixels } from '../../src/defenses/tvm/dropout.ts';
import { tvmFormFor } from '../../src/kernels/tvm/forms.ts';
import type { Progress, TotalVariation } from '../../src/kernels/tvm/problem.ts';
import { minimiseOnTensorflow, rowsOnTensorflow } from '../../src/kernels/tvm/tensorflow.ts';
import { minimise } from '../../src/kernels/tvm/wasm.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { measureTransfers } from '../../src/timing/transfers.ts';
import { photographs } from '../defenses/photographs.ts';
import { readyBackends } from '../tensors/backends.ts';
import { namesOf, operationsOf, withoutFunctions } from '../tensors/tensorflow/operations.ts';
import { imageObjective, leastObjective, madeUp } from './tvm-problems.ts';

type Shape = readonly [rows: number, height: number, width: number, channels: number];

const isotropic = { lambda: 0.03, tv: 'isotropic' } as const;
const stopping = { tolerance: 1e-3, limit: 1000 };

describe('tvmFormFor', () => {
  const device = (kind: 'gpu' | 'cpu' | 'software') => ({
    ...{ kind, name: '', memory: null, threads: 'one' as const },
  });

  it('takes TensorFlow on a GPU, and the kernel in WebAssembly on its build for the CPU unless a variable is set', () => {
    const forced = { RAVELIN_TENSORFLOW_KERNELS: '1' };
    expect([
      tvmFormFor({ name: 'tensorflow', device: device('gpu') }, {}),
      tvmFormFor({ name: 'tensorflow', device: device('cpu') }, {}),
      tvmFormFor({ name: 'tensorflow', device: device('cpu') }, { RAVELIN_TENSORFLOW_KERNELS: '0' }),
      tvmFormFor({ name: 'tensorflow', device: device('cpu') }, forced),
      tvmFormFor({ name: 'tensorflow', device: null }, forced),
      tvmFormFor({ name: 'wasm', device: device('cpu') }, forced),
      tvmFormFor({ name: 'webgpu', device: device('software') }, {}),
    ]).toEqual(['tensorflow', 'wasm', 'wasm', 'tensorflow', 'wasm', 'wasm', 'webgpu']);
  });
});

describe('rowsOnTensorflow', () => {
  it('keeps a call below a gigabyte of the device, but takes one image of any size', () => {
    expect([
      rowsOnTensorflow(224 * 224 * 3),
      rowsOnTensorflow(1024 * 1024 * 3),
      rowsOnTensorflow(1e9),
    ]).toEqual([89, 4, 1]);
  });
});

const isReady = readyBackends.includes('tensorflow');
if (!isReady) process.stderr.write('SKIPPED: total variation by TensorFlow, which is not ready\n');

describe.skipIf(!isReady)('minimiseOnTensorflow', () => {
  beforeAll(() => openBackend('tensorflow'));

  it.each([
    [2, 15, 12, 3, 0.5, 'isotropic'],
    [2, 9, 8, 1, 1, 'anisotropic'],
    [1, 1, 4, 2, 0.5, 'isotropic'],
    [2, 5, 1, 2, 0.5, 'anisotropic'],
    [1, 1, 1, 3, 1, 'isotropic'],
    [2, 6, 5, 2, 0, 'isotropic'],
  ] as const)(
    'agrees with the definition on %d images of %d×%d×%d (keep %d, %s), and leaves no tensor',
    async (rows, height, width, channels, keep, tv) => {
      const variation = { lambda: 0.03, tv };
      const size = [height, width, channels] as const;
      const images = madeUp(rows * height, width, channels, keep, 7);
      const solved = images.slice();
      const tensors = tf.memory().numTensors;
      const limit = { tolerance: 1e-3, limit: 2000 };
      const progress = await minimiseOnTensorflow(solved, [rows, ...size], variation, limit);
      expect(tf.memory().numTensors).toBe(tensors);
      for (const [row, { gap, converged }] of progress.entries()) {
        const [image, result] = [images, solved].map((each) => rowOf(each, row, size)) as [
          Float32Array,
          Float32Array,
        ];
        const least = leastObjective(image, size, variation, 1e-5);
        const objective = imageObjective(image, result, size, variation);
        expect(converged).toBe(true);
        expect(objective).toBeLessThanOrEqual(least * (1 + 2 * gap) + 1e-6);
        expect(objective).toBeLessThanOrEqual(least * (keep === 1 ? 1.0011 : 1.002) + 1e-6);
      }
    },
  );

  it('gives what the kernel in WebAssembly gives on photographs, to the tolerance', async () => {
    const photos = await photographs(3);
    if (photos === null) return;
    for (const [side, channels, keep] of [
      [224, 3, 1],
      [224, 3, 0.5],
      [97, 3, 0.1],
      [64, 1, 0.9],
      [32, 3, 0],
    ] as const) {
      const images = droppedPhotographs(photos, side, channels, keep);
      const shape = [3, side, side, channels] as const;
      const ours = images.slice();
      const theirs = images.slice();
      const found = await minimiseOnTensorflow(ours, shape, isotropic, stopping);
      const expected = onWasm(theirs, shape, isotropic);
      const image = `${side} pixels, ${channels} channels, ${keep} kept`;
      for (const [row, { objective }] of found.entries())
        expect(objective / Math.max(1e-9, expected[row]!.objective), image).toBeLessThanOrEqual(1.002);
      const differences = ours.map((value, at) => Math.abs(value - theirs[at]!));
      const mean = differences.reduce((sum, value) => sum + value, 0) / ours.length;
      // A twentieth of a grey level if all is kept; where much was dropped, near optima differ more.
      expect(255 * mean, image).toBeLessThan(keep === 1 ? 0.1 : 1);
    }
  });

  it('gives an image the same pixels in any batch, whatever the others take', async () => {
    const shape = [5, 24, 21, 3] as const;
    const size = [24, 21, 3] as const;
    const images = madeUp(5 * 24, 21, 3, 0.5, 11);
    // One that has nothing to do, and one that takes long.
    images.fill(0.5, 0, 24 * 21 * 3);
    images.set(madeUp(24, 21, 3, 0.05, 3), 3 * 24 * 21 * 3);
    const together = images.slice();
    const progress = await minimiseOnTensorflow(together, shape, isotropic, stopping);
    expect(new Set(progress.map(({ iterations }) => iterations)).size).toBeGreaterThan(2);
    for (let row = 0; row < 5; row++) {
      const alone = rowOf(images, row, size).slice();
      expect(await minimiseOnTensorflow(alone, [1, ...size], isotropic, stopping)).toEqual([progress[row]]);
      expect(alone).toEqual(rowOf(together, row, size));
    }
  });

  it('computes the same from bytes and from numbers', async () => {
    const size = [13, 11, 3] as const;
    const images = madeUp(2 * 13, 11, 3, 0.5, 5).map((value) =>
      value < 0 ? value : Math.round(255 * value) / 255,
    );
    const bytes = images.slice();
    const progress = await minimiseOnTensorflow(bytes, [2, ...size], isotropic, stopping);
    // One pixel of a third image is no multiple of 1/255, so that all three go as numbers.
    const more = Float32Array.from([...images, ...images.subarray(0, 13 * 11 * 3)]);
    more[2 * 13 * 11 * 3 + 7] = 0.1234;
    const numbers = await minimiseOnTensorflow(more, [3, ...size], isotropic, stopping);
    expect(numbers.slice(0, 2)).toEqual(progress);
    expect(more.subarray(0, bytes.length)).toEqual(bytes);
  });

  it('sends pixels as bytes with one bit for what was kept, and gets each result once', async () => {
    const shape = [4, 40, 30, 3] as const;
    const images = madeUp(4 * 40, 30, 3, 0.5, 9).map((value) =>
      value < 0 ? value : Math.round(255 * value) / 255,
    );
    const transfers = measureTransfers();
    const progress = await minimiseOnTensorflow(images, shape, isotropic, stopping);
    const { fed, fetched } = transfers();
    const checks = Math.max(...progress.map(({ iterations }) => iterations)) / 20 + 1;
    const values = 4 * 40 * 30 * 3;
    // Beside them λ, and the numbers of the images that stop and that go on.
    expect(fed).toBeGreaterThanOrEqual(values + values / 8 + 4);
    expect(fed).toBeLessThanOrEqual(values + values / 8 + 4 + 4 * 4 * checks);
    // Two sums of each line at each check.
    expect(fetched).toBeGreaterThan(4 * values);
    expect(fetched).toBeLessThanOrEqual(4 * values + 4 * 40 * 8 * checks);
  });

  it('leaves the image as it is without variation', async () => {
    const images = madeUp(8, 7, 3, 1, 3);
    const solved = images.slice();
    const [progress] = await minimiseOnTensorflow(
      solved,
      [1, 8, 7, 3],
      { lambda: 0, tv: 'isotropic' },
      stopping,
    );
    expect(progress).toEqual({ objective: 0, gap: 0, iterations: 0, converged: true });
    expect(solved).toEqual(images);
  });

  it('has operations that TensorFlow computes deterministically on a GPU, and no others', async () => {
    const run = (tv: TotalVariation['tv'], steps: number) => () =>
      minimiseOnTensorflow(
        madeUp(2 * 17, 19, 1, 0.5, 3).map((value) => (value < 0 ? -1 : Math.round(value * steps) / steps)),
        [2, 17, 19, 1],
        { lambda: 0.03, tv },
        stopping,
      );
    const found = new Set<string>();
    for (const [tv, steps] of [
      ['isotropic', 1000],
      ['anisotropic', 255],
    ] as const)
      // prettier-ignore
      for (const name of namesOf(await operationsOf(run(tv, steps)))) found.add(name);
    // Each value of a result is computed by one thread in one order, or is a sum along the last axis, which has no atomics.
    const elementwise = ['Abs', 'AddV2', 'Floor', 'FloorMod', 'Greater', 'GreaterEqual', 'Maximum', 'Minimum', 'Mul', 'Neg', 'RealDiv', 'SelectV2', 'Sqrt', 'Square', 'Sub', 'ZerosLike']; // prettier-ignore
    const moves = ['Bitcast', 'Cast', 'Const', 'Fill', 'GatherV2', 'Pack', 'Pad', 'Placeholder', 'Reshape', 'StridedSlice']; // prettier-ignore
    const allowed = [...elementwise, ...moves, 'Mean', 'Sum'];
    expect([...found].filter((operation) => !allowed.includes(operation))).toEqual([]);
    expect(found.size).toBeGreaterThan(20);
  });

  it('refuses the binding of an earlier set-up, which would compute other bits', async () => {
    await withoutFunctions(() =>
      expect(minimiseOnTensorflow(new Float32Array(1), [1, 1, 1, 1], isotropic, stopping)).rejects.toThrow(
        'run ravelin setup tensorflow again',
      ),
    );
  });
});

function rowOf(
  images: Float32Array,
  row: number,
  [height, width, channels]: readonly number[],
): Float32Array {
  const size = height! * width! * channels!;
  return images.subarray(row * size, (row + 1) * size);
}

function onWasm(
  images: Float32Array,
  [rows, ...size]: Shape,
  variation: TotalVariation,
): readonly Progress[] {
  return Array.from({ length: rows }, (_, row) =>
    minimise(rowOf(images, row, size), size, variation, stopping),
  );
}

/** The upper left corners of photographs, in grey from their green, with pixels dropped. */
function droppedPhotographs(
  { pixels, shape: [rows, height, width] }: { readonly pixels: Uint8Array; readonly shape: Shape },
  side: number,
  channels: 1 | 3,
  keep: number,
): Float32Array {
  const size = side * side * channels;
  const images = new Float32Array(rows * size);
  for (let row = 0; row < rows; row++) {
    const image = Float32Array.from({ length: size }, (_, at) => {
      const [y, x] = [Math.floor(at / channels / side), Math.floor(at / channels) % side];
      const channel = channels === 1 ? 1 : at % channels;
      return pixels[((row * height + y) * width + x) * 3 + channel]! / 255;
    });
    const draw = { seed: [1, 2] as const, draw: 0 };
    images.set(dropPixels(image, channels, { keep, mask: 'pixel-channel' }, draw, row), row * size);
  }
  return images;
}
