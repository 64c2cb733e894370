import type { KernelMemory } from '../../tensors/web-assembly.ts';
import { instantiateKernel } from '../instantiate.ts';
import { bitDepthModule } from './bit-depth.wasm.ts';

interface Kernel {
  readonly memory: KernelMemory;
  readonly start: () => number;
  readonly reserve: (count: number) => number;
  readonly reduce: (count: number, steps: number) => void;
}

/** Values at a time: they and their place in the kernel stay in the processor's first cache. */
const chunk = 4096;

let kernel: Kernel | undefined;
let place: Float32Array | undefined;

/** Bit-depth reduction by the definition (reference.ts), bit for bit. Returns a new array. */
export function reduceInSteps(pixels: Float32Array, steps: number): Float32Array {
  const { reduce, values } = open();
  // Every value is written below, so that the memory need not be cleared.
  const result = new Float32Array(Buffer.allocUnsafeSlow(pixels.byteLength).buffer);
  for (let from = 0; from < pixels.length; from += chunk) {
    const count = Math.min(chunk, pixels.length - from);
    values.set(count === pixels.length ? pixels : pixels.subarray(from, from + count));
    reduce((count + 31) & ~31, steps);
    result.set(count === chunk ? values : values.subarray(0, count), from);
  }
  return result;
}

function open(): { readonly reduce: Kernel['reduce']; readonly values: Float32Array } {
  if (kernel === undefined || place === undefined) {
    // The module is compiled from bit-depth.as.ts, which exports these.
    kernel = instantiateKernel(bitDepthModule) as Kernel;
    if (kernel.reserve(chunk) === 0) throw new RangeError(`not enough memory for ${chunk} values`);
    place = new Float32Array(kernel.memory.buffer, kernel.start(), chunk);
  }
  return { reduce: kernel.reduce, values: place };
}
