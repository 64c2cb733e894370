/** Registers our kernels in place of the package's where those refuse what TensorFlow can do, or take detours. */
import type { TensorInfo } from '@tensorflow/tfjs';
import { tf } from '../tf.ts';
import { convolutionKernels } from './convolution.ts';
import { maxPoolKernels } from './max-pool.ts';
import { execute } from './raw.ts';
import type { TensorflowKernel } from './raw.ts';

/** Gradients before an activation from the one after it and the output: TensorFlow has them as single operations. */
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
  const kernels = { ...convolutionKernels, ...maxPoolKernels, ...activationGradients };
  for (const [kernelName, kernelFunc] of Object.entries(kernels)) {
    // Typed as always there; it is undefined for a kernel that the package lacks.
    if ((tf.getKernel(kernelName, 'tensorflow') as object | undefined) !== undefined)
      tf.unregisterKernel(kernelName, 'tensorflow');
    // The package types a kernel's backend and attributes as `{}`; ours say what they are.
    tf.registerKernel({
      kernelName,
      backendName: 'tensorflow',
      kernelFunc: kernelFunc as unknown as Parameters<typeof tf.registerKernel>[0]['kernelFunc'],
    });
  }
}
