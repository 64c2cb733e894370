import { tf } from './tf.ts';

type KernelFunction = Parameters<typeof tf.registerKernel>[0]['kernelFunc'];

/** Registers kernels of ours with a backend, in place of its own of the same names if it has them. */
export function replaceKernels<Kernel extends (call: never) => unknown>(
  backendName: string,
  kernels: Readonly<Record<string, Kernel>>,
): void {
  for (const [kernelName, kernelFunc] of Object.entries(kernels)) {
    // The types claim that every kernel exists; it is undefined if the backend lacks it.
    if ((tf.getKernel(kernelName, backendName) as object | undefined) !== undefined)
      tf.unregisterKernel(kernelName, backendName);
    // The package types a kernel's backend and attributes as `{}`; ours say what they are.
    tf.registerKernel({ kernelName, backendName, kernelFunc: kernelFunc as unknown as KernelFunction });
  }
}
