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
 * The first `count` words of `randomStream(seed, ...counters)`, each uniform in [0, 2³²): ten times as fast as one by one. A view of
 * memory that the next call overwrites. Throws `RangeError` where there is no memory.
 */
export function firstWords(
  count: number,
  seed: Seed,
  counters: readonly [number, number, number],
): Uint32Array {
  // It is compiled from philox.as.ts, which exports these.
  kernel ??= instantiateKernel(philoxModule) as Kernel;
  const blocks = Math.ceil(count / 16) * 4;
  const address = kernel.reserve(blocks);
  if (address === 0) throw new RangeError(`no memory for ${count} random numbers`);
  kernel.fill(address, blocks, ...counters, ...seed);
  return new Uint32Array(kernel.memory.buffer, address, count);
}
