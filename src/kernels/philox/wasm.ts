import { type KernelMemory, newMemory } from '../../tensors/web-assembly.ts';
import { instantiateKernel } from '../instantiate.ts';
import type { Dropout } from './dropout.ts';
import { philoxModule } from './philox.wasm.ts';

interface Kernel {
  readonly drop: (
    address: number,
    count: number,
    group: number,
    least: number,
    c1: number,
    c2: number,
    c3: number,
    k0: number,
    k1: number,
  ) => number;
  readonly cut: (address: number, count: number) => number;
}

/** Values past the last that `dropIn` may write. */
export const roomPastLast = 32;

const kernels = new WeakMap<KernelMemory, Kernel>();
let ownMemory: KernelMemory | undefined;

/**
 * Dropout by the definition (reference.ts) of `count` float32 values in a memory, the first of which is at
 * `address`, a multiple of 16. Returns whether all values are numbers. `roomPastLast` values past the last lose
 * theirs.
 */
export function dropIn(
  memory: KernelMemory,
  address: number,
  count: number,
  { seed, counters, keep, group }: Dropout,
): boolean {
  let kernel = kernels.get(memory);
  if (kernel === undefined) {
    // The module is compiled from philox.as.ts, which exports these.
    kernel = instantiateKernel(philoxModule, memory) as Kernel;
    kernels.set(memory, kernel);
  }
  // A word below keep · 2³² keeps its values, so the least integer that is not below it is the first to drop.
  const least = Math.ceil(keep * 2 ** 32);
  return least >= 2 ** 32
    ? kernel.cut(address, count) !== 0
    : kernel.drop(address, count, group, least, ...counters, ...seed) !== 0;
}

/** Like `dropIn`, of an array in place. Throws `RangeError` if there is not enough memory. */
export function dropValues(values: Float32Array, dropout: Dropout): boolean {
  ownMemory ??= newMemory();
  const pages = Math.ceil(((values.length + roomPastLast) * 4) / 2 ** 16);
  const more = pages - ownMemory.buffer.byteLength / 2 ** 16;
  if (more > 0) ownMemory.grow(more);
  const inMemory = new Float32Array(ownMemory.buffer, 0, values.length);
  inMemory.set(values);
  const areNumbers = dropIn(ownMemory, 0, values.length, dropout);
  values.set(inMemory);
  return areNumbers;
}
