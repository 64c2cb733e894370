/** Gradient of a depthwise convolution with respect to its input: a plain loop over the backend's memory. */
import type { TensorInfo } from '@tensorflow/tfjs';
import { convolutionInfo } from '../windows.ts';
import type { WasmKernelCall } from './heap.ts';

export function depthwiseBackpropInput({ inputs, backend, attrs }: WasmKernelCall): TensorInfo {
  const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
  const inputShape = attrs['inputShape'] as [number, number, number, number];
  const g = convolutionInfo(attrs, inputShape, filter.shape, true);
  const multiplier = filter.shape[3]!;
  const outChannels = g.inChannels * multiplier;
  const result = backend.makeOutput(inputShape, 'float32');
  const gradient = backend.typedArrayFromHeap(dy);
  const weights = backend.typedArrayFromHeap(filter);
  const target = backend.typedArrayFromHeap(result);
  target.fill(0);
  for (let n = 0; n < g.batchSize; n++) {
    for (let row = 0; row < g.outHeight; row++) {
      for (let a = 0; a < g.filterHeight; a++) {
        const inRow = row * g.strideHeight + a * g.dilationHeight - g.padInfo.top;
        if (inRow < 0 || inRow >= g.inHeight) continue;
        for (let column = 0; column < g.outWidth; column++) {
          const at = ((n * g.outHeight + row) * g.outWidth + column) * outChannels;
          for (let b = 0; b < g.filterWidth; b++) {
            const inColumn = column * g.strideWidth + b * g.dilationWidth - g.padInfo.left;
            if (inColumn < 0 || inColumn >= g.inWidth) continue;
            const to = ((n * g.inHeight + inRow) * g.inWidth + inColumn) * g.inChannels;
            const tap = (a * g.filterWidth + b) * outChannels;
            for (let c = 0; c < g.inChannels; c++) {
              let sum = 0;
              for (let m = 0; m < multiplier; m++) {
                sum += gradient[at + c * multiplier + m]! * weights[tap + c * multiplier + m]!;
              }
              target[to + c]! += sum;
            }
          }
        }
      }
    }
  }
  return result;
}
