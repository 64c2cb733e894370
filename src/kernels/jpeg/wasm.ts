/** The JPEG round trip of whole images by the WebAssembly kernel (jpeg.as.ts), on one thread. */
import type { KernelMemory } from '../../tensors/web-assembly.ts';
import { instantiateKernel } from '../instantiate.ts';
import { jpegModule } from './jpeg.wasm.ts';
import { checkJpeg, type JpegParameters, type JpegShape, quantaAt } from './problem.ts';

interface Kernel {
  readonly memory: KernelMemory;
  readonly reserve: (
    count: number,
    height: number,
    width: number,
    channels: number,
    halved: number,
  ) => number;
  readonly target: { readonly value: number };
  readonly floats: { readonly value: number };
  readonly quantaAddress: (table: number) => number;
  readonly roundFloats: (count: number) => void;
  readonly roundTrip: (count: number) => void;
}

let kernel: Kernel | undefined;

/**
 * Bytes of a group of images that go through the kernel together, so that they stay in the processor's cache;
 * a larger image goes alone.
 */
const groupBytes = 1 << 17;

/**
 * Compresses and decompresses each image as JPEG, byte for byte like libjpeg-turbo (reference.ts).
 * Pixels in float32 are in [0, 1], and are rounded to bytes before, halves upwards. Throws `RangeError` for
 * anything but images of this shape with 1 or 3 channels, and for an image that does not fit into the memory
 * of the kernel.
 */
export function roundTrip(
  pixels: Uint8Array | Float32Array,
  shape: JpegShape,
  parameters: JpegParameters,
): Uint8Array {
  checkJpeg(pixels, shape, parameters);
  // The module is compiled from jpeg.as.ts, which exports these.
  kernel ??= instantiateKernel(jpegModule) as Kernel;
  const [rows, height, width, channels] = shape;
  const size = height * width * channels;
  const group = Math.min(rows, Math.max(1, Math.floor(groupBytes / size)));
  const source = kernel.reserve(group, height, width, channels, parameters.chroma === '4:2:0' ? 1 : 0);
  if (source === 0) throw new RangeError(`not enough memory for an image of ${height}×${width}×${channels}`);
  const { buffer } = kernel.memory;
  for (const [index, table] of (['luminance', 'chrominance'] as const).entries()) {
    new Int16Array(buffer, kernel.quantaAddress(index), 64).set(quantaAt(table, parameters.quality));
  }
  const result = new Uint8Array(pixels.length);
  const before =
    pixels instanceof Float32Array
      ? new Float32Array(buffer, kernel.floats.value, group * size)
      : new Uint8Array(buffer, source, group * size);
  const after = new Uint8Array(buffer, kernel.target.value, group * size);
  for (let first = 0; first < rows; first += group) {
    const count = Math.min(group, rows - first);
    before.set(pixels.subarray(first * size, (first + count) * size));
    if (before instanceof Float32Array) kernel.roundFloats(count);
    kernel.roundTrip(count);
    result.set(count === group ? after : after.subarray(0, count * size), first * size);
  }
  return result;
}
