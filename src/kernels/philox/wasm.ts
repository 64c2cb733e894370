import type { Seed } from '../../tensors/random.ts';
import { instantiateKernel, type KernelMemory } from '../instantiate.ts';
import { philoxModule } from './philox.wasm.ts';

interface Kernel {
  readonly memory: KernelMemory;
  readonly reserve: (blocks: number) => number;
  readonly fill: (
    address: number,
    blocks: number,
    c1: number,
    c2: number,
    c3: number,
    k0: number,
    k1: number,
  ) => void;
}

let kernel: Kernel | undefined;

/**
 * The first `count` words of `randomStream(seed, ...counters)`, each uniform in [0, 2³²), ten times as fast
 * as one by one. The result is a view of memory that the next call overwrites. Throws `RangeError` if there
 * is not enough memory.
 */
export function firstWords(
  count: number,
  seed: Seed,
  counters: readonly [number, number, number],
): Uint32Array {
  // The module is compiled from philox.as.ts, which exports these.
  kernel ??= instantiateKernel(philoxModule) as Kernel;
  const blocks = Math.ceil(count / 16) * 4;
  const address = kernel.reserve(blocks);
  if (address === 0) throw new RangeError(`not enough memory for ${count} random numbers`);
  kernel.fill(address, blocks, ...counters, ...seed);
  return new Uint32Array(kernel.memory.buffer, address, count);
}
