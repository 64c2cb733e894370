/**
 * Registers our kernels in place of the package's. The package has all the kernels that our networks, attacks
 * and trainings use, and by the suites in test/tensors/ and test/models/ only one of them is wrong.
 */
import { replaceKernels } from '../replace-kernels.ts';
import { tf } from '../tf.ts';
import { signWith } from './sign.ts';
import type { WebgpuKernel } from './sign.ts';

let registered = false;

/** Idempotent. */
export function registerWebgpuKernels(): void {
  if (registered) return;
  registered = true;
  const { kernelFunc } = tf.getKernel('Sign', 'webgpu');
  replaceKernels('webgpu', { Sign: signWith(kernelFunc as unknown as WebgpuKernel) });
}
