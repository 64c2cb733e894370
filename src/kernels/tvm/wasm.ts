/**
 * Total variation minimisation of whole images by the WebAssembly kernel (tvm.as.ts): float32, one thread.
 */
import type { KernelMemory } from '../../tensors/web-assembly.ts';
import { instantiateKernel } from '../instantiate.ts';
import type { Dropout } from '../philox/dropout.ts';
import { dropIn } from '../philox/wasm.ts';
import type { Progress, Stopping, TotalVariation } from './problem.ts';
import { tvmModule } from './tvm.wasm.ts';

interface Kernel {
  readonly memory: KernelMemory;
  readonly reserve: (height: number, width: number, channels: number) => number;
  readonly solve: (lambda: number, anisotropic: number, tolerance: number, limit: number) => number;
  readonly objective: { readonly value: number };
  readonly gap: { readonly value: number };
  readonly converged: { readonly value: number };
}

let kernel: Kernel | undefined;

type Size = readonly [height: number, width: number, channels: number];

/**
 * Minimises over one image `[height, width, channels]` of pixels in [0, 1], −1 if dropped, in place. The gap
 * is that of all channels together: if every pixel was kept, it bounds the distance to the minimum, otherwise
 * it is an estimate of it (docs/kernels.md). At least one iteration is done if there is anything to smooth.
 * Throws `RangeError` if the image does not fit into 4 GiB of memory (about 45 bytes per value).
 */
export function minimise(
  image: Float32Array,
  size: Size,
  variation: TotalVariation,
  stopping: Stopping,
): Progress {
  const [opened, address] = open(image, size);
  return solve(opened, address, image, variation, stopping);
}

/**
 * Like `minimise`, of pixels `image` of which some are dropped first, into `result`; both stay in the memory of
 * the kernel in between. Null, and nothing in `result`, if a pixel is not a number.
 */
export function minimiseDropped(
  image: Float32Array,
  size: Size,
  dropout: Dropout,
  result: Float32Array,
  variation: TotalVariation,
  stopping: Stopping,
): Progress | null {
  const [opened, address] = open(image, size);
  if (!dropIn(opened.memory, address, image.length, dropout)) return null;
  return solve(opened, address, result, variation, stopping);
}

/** The kernel with an image in its memory, and the address of the image there. */
function open(image: Float32Array, [height, width, channels]: Size): readonly [Kernel, number] {
  // The module is compiled from tvm.as.ts, which exports these.
  kernel ??= instantiateKernel(tvmModule) as Kernel;
  const address = kernel.reserve(height, width, channels);
  if (address === 0) throw new RangeError(`not enough memory for an image of ${height}×${width}×${channels}`);
  new Float32Array(kernel.memory.buffer, address, image.length).set(image);
  return [kernel, address];
}

function solve(
  { memory, solve, objective, gap, converged }: Kernel,
  address: number,
  result: Float32Array,
  { lambda, tv }: TotalVariation,
  { tolerance, limit }: Stopping,
): Progress {
  const iterations = solve(lambda, tv === 'anisotropic' ? 1 : 0, tolerance, limit);
  result.set(new Float32Array(memory.buffer, address, result.length));
  return { objective: objective.value, gap: gap.value, iterations, converged: converged.value !== 0 };
}
