/** Registers our kernels in place of the package's where those are wrong or absent. */
import { tf } from '../tf.ts';

const kernels: Readonly<Record<string, unknown>> = {};

/** Idempotent. */
export function registerWebgpuKernels(): void {
  for (const [kernelName, kernelFunc] of Object.entries(kernels)) {
    // Typed as always there; it is undefined for a kernel that the package lacks.
    if ((tf.getKernel(kernelName, 'webgpu') as object | undefined) !== undefined)
      tf.unregisterKernel(kernelName, 'webgpu');
    tf.registerKernel({
      kernelName,
      backendName: 'webgpu',
      kernelFunc: kernelFunc as Parameters<typeof tf.registerKernel>[0]['kernelFunc'],
    });
  }
}
