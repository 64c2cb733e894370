/**
 * Gradients with respect to the input of an activation, from that of its output and the output itself; 0 at
 * the kinks. The backend has none; as a step function and a product they are two passes.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { heapKernels } from './heap-kernels/open.ts';
import { addressOf } from './heap.ts';
import type { WasmKernel, WasmKernelCall } from './heap.ts';
import { elementCount } from '../../values/element-count.ts';

function gradientOf(kernel: 'reluGradient' | 'relu6Gradient'): WasmKernel {
  return ({ inputs, backend }: WasmKernelCall): TensorInfo => {
    const { dy, output } = inputs as { dy: TensorInfo; output: TensorInfo };
    const result = backend.makeOutput(dy.shape, 'float32');
    const [gradient, values, target] = [dy, output, result].map((info) => addressOf(backend, info));
    const length = elementCount(dy.shape);
    heapKernels(backend)[kernel](gradient!, values!, target!, length);
    return result;
  };
}

export const reluGrad = gradientOf('reluGradient');
export const relu6Grad = gradientOf('relu6Gradient');
