/** Gradient of a depthwise convolution with respect to its filter: a plain loop over the backend's memory. */
import type { TensorInfo } from '@tensorflow/tfjs';
import { convolutionInfo } from '../windows.ts';
import type { WasmKernelCall } from './heap.ts';

export function depthwiseBackpropFilter({ inputs, backend, attrs }: WasmKernelCall): TensorInfo {
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const filterShape = attrs['filterShape'] as [number, number, number, number];
  const g = convolutionInfo(attrs, x.shape, filterShape, true);
  const multiplier = filterShape[3];
  const result = backend.makeOutput(filterShape, 'float32');
  const images = backend.typedArrayFromHeap(x);
  const gradient = backend.typedArrayFromHeap(dy);
  const target = backend.typedArrayFromHeap(result);
  const sums = new Float64Array(g.inChannels * multiplier);
  for (let a = 0; a < g.filterHeight; a++) {
    for (let b = 0; b < g.filterWidth; b++) {
      sums.fill(0);
      for (let n = 0; n < g.batchSize; n++) {
        for (let row = 0; row < g.outHeight; row++) {
          const inRow = row * g.strideHeight + a * g.dilationHeight - g.padInfo.top;
          if (inRow < 0 || inRow >= g.inHeight) continue;
          for (let column = 0; column < g.outWidth; column++) {
            const inColumn = column * g.strideWidth + b * g.dilationWidth - g.padInfo.left;
            if (inColumn < 0 || inColumn >= g.inWidth) continue;
            const from = ((n * g.inHeight + inRow) * g.inWidth + inColumn) * g.inChannels;
            const at = ((n * g.outHeight + row) * g.outWidth + column) * sums.length;
            for (let c = 0; c < g.inChannels; c++) {
              const pixel = images[from + c]!;
              for (let m = 0; m < multiplier; m++) {
                sums[c * multiplier + m]! += pixel * gradient[at + c * multiplier + m]!;
              }
            }
          }
        }
      }
      target.set(sums, (a * g.filterWidth + b) * sums.length);
    }
  }
  return result;
}
