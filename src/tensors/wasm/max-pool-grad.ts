/**
 * Gradient of max pooling. Each window passes its gradient to its first maximum in row-major order, as in
 * TensorFlow and PyTorch.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { poolInfo } from '../windows.ts';
import { heapKernels } from './heap-kernels/open.ts';
import { addressOf } from './heap.ts';
import type { WasmKernelCall } from './heap.ts';

export function maxPoolGrad({ inputs, backend, attrs }: WasmKernelCall): TensorInfo {
  const { dy, input, output } = inputs as { dy: TensorInfo; input: TensorInfo; output: TensorInfo };
  const g = poolInfo(attrs, input.shape);
  const result = backend.makeOutput(input.shape, 'float32');
  backend.typedArrayFromHeap(result).fill(0);
  const [x, maxima, gradient, target] = [input, output, dy, result].map((info) => addressOf(backend, info));
  heapKernels(backend).maxPoolGradient(
    ...([x!, maxima!, gradient!, target!] as const),
    ...([g.batchSize, g.inHeight, g.inWidth, g.inChannels, g.outHeight, g.outWidth] as const),
    ...([g.filterHeight, g.filterWidth, g.strideHeight, g.strideWidth] as const),
    ...([g.padInfo.top, g.padInfo.left] as const),
  );
  return result;
}
