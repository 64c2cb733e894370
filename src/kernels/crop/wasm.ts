import type { KernelMemory } from '../../tensors/web-assembly.ts';
import { instantiateKernel } from '../instantiate.ts';
import { cropModule } from './crop.wasm.ts';
import type { Crop } from './reference.ts';
import { linearTaps } from './taps.ts';

interface Kernel {
  readonly memory: KernelMemory;
  readonly reserve: (height: number, width: number, channels: number, size: number) => number;
  readonly resize: (left: number) => void;
  readonly columnTaps: { readonly value: number };
  readonly rowTaps: { readonly value: number };
  readonly band: { readonly value: number };
  readonly result: { readonly value: number };
}

type Size = Pick<Crop, 'height' | 'width' | 'channels' | 'size'>;

/** Resizes the crop at (top, left) of an image into `result`, bit for bit as the definition (reference.ts). */
export type Resize = (image: Float32Array, top: number, left: number, result: Float32Array) => void;

let kernel: Kernel | undefined;

/**
 * The function that resizes crops of one size from images of one size. It is to be used before the next call.
 * Throws `RangeError` if there is not enough memory.
 */
export function openResize({ height, width, channels, size }: Size): Resize {
  // The module is compiled from crop.as.ts, which exports these.
  const opened = (kernel ??= instantiateKernel(cropModule) as Kernel);
  if (opened.reserve(height, width, channels, size) === 0)
    throw new RangeError(`not enough memory for an image of ${height}×${width}×${channels}`);
  const { buffer } = opened.memory;
  writeTaps(buffer, opened.columnTaps.value, size, width);
  writeTaps(buffer, opened.rowTaps.value, size, height);
  const rowLength = width * channels;
  const band = new Float32Array(buffer, opened.band.value, size * rowLength);
  const resized = new Float32Array(buffer, opened.result.value, height * rowLength);
  return (image, top, left, result) => {
    band.set(image.subarray(top * rowLength, (top + size) * rowLength));
    opened.resize(left);
    result.set(resized);
  };
}

function writeTaps(buffer: ArrayBuffer, address: number, size: number, length: number): void {
  const { first, second, weight } = linearTaps(size, length);
  const view = new DataView(buffer, address, length * 24);
  for (let index = 0; index < length; index++) {
    view.setInt32(index * 24, first[index]!, true);
    view.setInt32(index * 24 + 4, second[index]!, true);
    view.setFloat64(index * 24 + 8, 1 - weight[index]!, true);
    view.setFloat64(index * 24 + 16, weight[index]!, true);
  }
}
