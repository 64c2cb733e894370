/**
 * Sum over all axes but the last, each number times the attribute `weight`, as the kernel `ChannelSum`, which no other backend has: the backend's own
 * reduction transposes its input first, and a product with a row of ones takes sixty times as long.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { heapKernels } from './heap-kernels/open.ts';
import { addressOf } from './heap.ts';
import type { WasmKernelCall } from './heap.ts';
import { elementCount } from '../../values/element-count.ts';

export function channelSum({ inputs, backend, attrs }: WasmKernelCall): TensorInfo {
  const { x } = inputs as { x: TensorInfo };
  const channels = x.shape.at(-1)!;
  const rows = elementCount(x.shape.slice(0, -1));
  const result = backend.makeOutput([channels], 'float32');
  const [numbers, sums] = [x, result].map((info) => addressOf(backend, info));
  heapKernels(backend).channelSum(numbers!, sums!, rows, channels, attrs['weight'] as number);
  return result;
}
