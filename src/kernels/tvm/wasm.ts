/**
 * Total variation minimisation of whole images by the WebAssembly kernel (tvm.as.ts): float32, one thread.
 */
import { instantiateKernel, type KernelMemory } from '../instantiate.ts';
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

/**
 * Minimises over one image `[height, width, channels]` of pixels in [0, 1], −1 if dropped, in place. The gap
 * is that of all channels together: if every pixel was kept, it bounds the distance to the minimum, otherwise
 * it is an estimate of it (docs/kernels.md). At least one iteration is done if there is anything to smooth.
 * Throws `RangeError` if the image does not fit into 4 GiB of memory (about 45 bytes per value).
 */
export function minimise(
  image: Float32Array,
  [height, width, channels]: readonly [height: number, width: number, channels: number],
  { lambda, tv }: TotalVariation,
  { tolerance, limit }: Stopping,
): Progress {
  // The module is compiled from tvm.as.ts, which exports these.
  kernel ??= instantiateKernel(tvmModule) as Kernel;
  const address = kernel.reserve(height, width, channels);
  if (address === 0) throw new RangeError(`not enough memory for an image of ${height}×${width}×${channels}`);
  new Float32Array(kernel.memory.buffer, address, image.length).set(image);
  const iterations = kernel.solve(lambda, tv === 'anisotropic' ? 1 : 0, tolerance, limit);
  image.set(new Float32Array(kernel.memory.buffer, address, image.length));
  return {
    objective: kernel.objective.value,
    gap: kernel.gap.value,
    iterations,
    converged: kernel.converged.value !== 0,
  };
}
