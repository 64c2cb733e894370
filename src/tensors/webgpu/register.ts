/**
 * Registers our kernels in place of the package's. It has all that our networks, attacks and trainings use, and the
 * suites in test/tensors/ and test/models/ find one of them wrong.
 */
import { tf } from '../tf.ts';
import { signWith } from './sign.ts';
import type { WebgpuKernelCall } from './sign.ts';

let registered = false;

/** Idempotent. */
export function registerWebgpuKernels(): void {
  if (registered) return;
  registered = true;
  const { kernelFunc } = tf.getKernel('Sign', 'webgpu');
  tf.unregisterKernel('Sign', 'webgpu');
  // The package types a kernel's backend and attributes as `{}`; ours say what they are.
  const ours = signWith(kernelFunc as unknown as Parameters<typeof signWith>[0]);
  tf.registerKernel({
    kernelName: 'Sign',
    backendName: 'webgpu',
    kernelFunc: (call) => ours(call as unknown as WebgpuKernelCall),
  });
}
