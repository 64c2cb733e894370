/** Max pooling and its gradient with explicit padding, which TensorFlow supports but the package refuses. */
import type { TensorInfo } from '@tensorflow/tfjs';
import { poolInfo } from '../windows.ts';
import { paddingAttributes } from './convolution.ts';
import { execute } from './raw.ts';
import type { TensorflowKernel } from './raw.ts';

function windowAttributes(
  attrs: Readonly<Record<string, unknown>>,
  shape: readonly number[],
): Record<string, string | readonly number[]> {
  const info = poolInfo(attrs, shape);
  return {
    ksize: [1, info.filterHeight, info.filterWidth, 1],
    strides: [1, info.strideHeight, info.strideWidth, 1],
    ...paddingAttributes(info.padInfo),
  };
}

const maxPool: TensorflowKernel = ({ inputs, backend, attrs }) => {
  const { x } = inputs as { x: TensorInfo };
  return execute(backend, 'MaxPool', [x], windowAttributes(attrs, x.shape));
};

const maxPoolGrad: TensorflowKernel = ({ inputs, backend, attrs }) => {
  const { dy, input, output } = inputs as { dy: TensorInfo; input: TensorInfo; output: TensorInfo };
  return execute(backend, 'MaxPoolGrad', [input, output, dy], windowAttributes(attrs, input.shape));
};

export const maxPoolKernels: Readonly<Record<string, TensorflowKernel>> = {
  MaxPool: maxPool,
  MaxPoolGrad: maxPoolGrad,
};
