/** Max pooling by oneDNN, which graphs with gradients have, beside TensorFlow's own and beside the definition. */
import { beforeAll, describe, expect, it } from 'vitest';
import { emitter } from '../../src/models/graph/emitter.ts';
import { emitMaxPool, emitMaxPoolGradient } from '../../src/models/graph/pooling.ts';
import { poolGeometry } from '../../src/models/operations/pooling.ts';
import type { PoolGeometry } from '../../src/models/operations/pooling.ts';
import { oneDnnVariable } from '../../src/setup/one-dnn.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { float32 } from '../../src/tensors/tensorflow/graph/graph-builder.ts';
import { openSession } from '../../src/tensors/tensorflow/graph/session.ts';
import { hasOneDnnMaxPool } from '../../src/tensors/tensorflow/one-dnn-max-pool.ts';
import { tf } from '../../src/tensors/tf.ts';
import { readyBackends } from '../tensors/backends.ts';

const isReady = readyBackends.includes('tensorflow');
if (!isReady) process.stderr.write('SKIPPED: max pooling by oneDNN, for TensorFlow is not ready\n');

type Sides = readonly [top: number, bottom: number, left: number, right: number];
interface Case {
  readonly size: readonly [height: number, width: number, channels: number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: Sides;
  readonly ceil?: boolean;
}

const cases: readonly Case[] = [
  { size: [8, 8, 16], kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0] },
  { size: [13, 11, 3], kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] },
  { size: [14, 14, 64], kernel: [3, 3], stride: [2, 2], padding: [0, 1, 0, 1] },
  { size: [9, 7, 5], kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1] },
  { size: [10, 6, 1], kernel: [5, 2], stride: [3, 1], padding: [2, 0, 1, 0] },
  { size: [6, 7, 2], kernel: [3, 2], stride: [2, 2], padding: [0, 0, 0, 0], ceil: true },
];

const images = 3;

describe.skipIf(!isReady)('max pooling by oneDNN', () => {
  beforeAll(async () => {
    await openBackend('tensorflow');
    // This build of TensorFlow has the operations, and they are taken unless oneDNN is off.
    expect(hasOneDnnMaxPool()).toBe(process.env[oneDnnVariable] !== '0');
  });

  // Few values make many equal maxima, as the zeros of a ReLU do, and large negative ones are below any padding by 0.
  describe.each<[string, (at: number) => number]>([
    ['any values', (at) => Math.sin(at * 12.9898) * 43.7],
    ['equal maxima', (at) => Math.max(0, ((at * 7919) % 5) - 2)],
    ['values far below zero', (at) => -1e30 * (1 + ((at * 104729) % 97))],
  ])('of %s', (_, valueAt) => {
    it.each(cases)(
      'is that of TensorFlow and of the definition: $size, $kernel, $stride, $padding',
      (one) => {
        const [height, width, channels] = one.size;
        const geometry = poolGeometry(
          { name: 'pool', op: 'max-pool', inputs: ['input'], ...one, ceil: one.ceil ?? false } as never,
          one.size,
        );
        const count = images * height * width * channels;
        const pixels = Float32Array.from({ length: count }, (_, at) => valueAt(at));
        const [rows, columns] = geometry.outputSize;
        const slopes = Float32Array.from({ length: images * rows * columns * channels }, (_, at) =>
          Math.cos(at * 78.233),
        );
        const defined = byDefinition(pixels, slopes, one, geometry);
        // A pixel that is the maximum of several windows gets their sum, in an order that each is free to choose.
        for (const isOneDnn of [true, false]) {
          const { maxima, gradient } = pooled(pixels, slopes, one, geometry, isOneDnn);
          expect(maxima).toEqual(defined.maxima);
          gradient.forEach((value, at) => expect(value).toBeCloseTo(defined.gradient[at]!, 5));
        }
      },
    );
  });
});

interface Pooled {
  readonly maxima: Float32Array;
  readonly gradient: Float32Array;
}

function pooled(
  pixels: Float32Array,
  slopes: Float32Array,
  { size: [height, width, channels] }: Case,
  geometry: PoolGeometry,
  isOneDnn: boolean,
): Pooled {
  const shape: [number, number, number] = [height, width, channels];
  const emit = emitter(shape, { hasOneDnnMaxPool: () => isOneDnn });
  const output = emitMaxPool(emit, emit.pixels, geometry);
  const dy = emit.graph.placeholder('slopes', float32, [-1, ...geometry.outputSize, channels]);
  const gradient = emitMaxPoolGradient(emit, dy, emit.pixels, output, shape, geometry);
  return tf.tidy(() => {
    const session = openSession(emit.graph, [emit.pixels, dy], [output, gradient]);
    const x = tf.tensor4d(pixels, [images, ...shape]);
    const results = session.run([x, tf.tensor4d(slopes, [images, ...geometry.outputSize, channels])]);
    session.dispose();
    const [maxima, pulled] = results.map((result) => Float32Array.from(result.dataSync()));
    return { maxima: maxima!, gradient: pulled! };
  });
}

/** The maximum of each window, and its slope at the first place that has it, in rows. */
function byDefinition(
  pixels: Float32Array,
  slopes: Float32Array,
  { size: [height, width, channels] }: Case,
  { filterSize, strides, pad, outputSize: [rows, columns] }: PoolGeometry,
): Pooled {
  const maxima = new Float32Array(slopes.length);
  const gradient = new Float32Array(pixels.length);
  slopes.forEach((slope, at) => {
    const channel = at % channels;
    const column = Math.floor(at / channels) % columns;
    const row = Math.floor(at / channels / columns) % rows;
    const image = Math.floor(at / channels / columns / rows);
    let best = -1;
    for (let y = 0; y < filterSize[0]; y++)
      for (let x = 0; x < filterSize[1]; x++) {
        const [top, left] = [row * strides[0] + y - pad[1][0], column * strides[1] + x - pad[2][0]];
        if (top < 0 || top >= height || left < 0 || left >= width) continue;
        const place = ((image * height + top) * width + left) * channels + channel;
        if (best < 0 || pixels[place]! > pixels[best]!) best = place;
      }
    maxima[at] = pixels[best]!;
    gradient[best]! += slope;
  });
  return { maxima, gradient };
}
