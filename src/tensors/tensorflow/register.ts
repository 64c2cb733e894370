/**
 * Registers our kernels in place of the package's if those refuse what TensorFlow supports, or take detours.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { replaceKernels } from '../replace-kernels.ts';
import { convolutionKernels } from './convolution.ts';
import { maxPoolKernels } from './max-pool.ts';
import { execute } from './raw.ts';
import type { TensorflowKernel } from './raw.ts';

/**
 * Gradients with respect to the input of an activation, from that of its output and the output itself.
 * TensorFlow has them as single operations.
 */
const activationGradients: Readonly<Record<string, TensorflowKernel>> = {
  ReluGrad: ({ inputs, backend }) => {
    const { dy, output } = inputs as { dy: TensorInfo; output: TensorInfo };
    return execute(backend, 'ReluGrad', [dy, output]);
  },
  Relu6Grad: ({ inputs, backend }) => {
    const { dy, output } = inputs as { dy: TensorInfo; output: TensorInfo };
    return execute(backend, 'Relu6Grad', [dy, output]);
  },
};

/** Idempotent. */
export function registerTensorflowKernels(): void {
  replaceKernels('tensorflow', { ...convolutionKernels, ...maxPoolKernels, ...activationGradients });
}
