/**
 * Sign of each element; NaN stays NaN. The backend's own kernel takes everything between −1e-7 and 1e-7 for
 * zero, but gradients of a confident image are smaller: I-FGSM did not move one image in six of MNIST.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import type { WasmKernelCall } from './heap.ts';

export function sign({ inputs, backend }: WasmKernelCall): TensorInfo {
  const { x } = inputs as { x: TensorInfo };
  const result = backend.makeOutput(x.shape, x.dtype as 'float32' | 'int32');
  const from = backend.typedArrayFromHeap(x);
  const to = backend.typedArrayFromHeap(result);
  for (let index = 0; index < to.length; index++) to[index] = Math.sign(from[index]!);
  return result;
}
