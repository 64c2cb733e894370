/**
 * Gradient of a convolution with respect to its filter, which the wasm backend lacks. The sums of products
 *
 *   dw[a, b, i, o] = Σ_{n, y, x} X[n, a + s·y − p, b + s·x − p, i] · dY[n, y, x, o]
 *
 * are made by a kernel of our own: as convolutions in XNNPACK, or as products with unfolded images, they take
 * several times as long for small networks.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { convolutionInfo } from '../windows.ts';
import { heapKernels, setWindows } from './heap-kernels/open.ts';
import { addressOf, withScratch } from './heap.ts';
import type { WasmKernelCall } from './heap.ts';

export function conv2DBackpropFilter({ inputs, backend, attrs }: WasmKernelCall): TensorInfo {
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const filterShape = attrs['filterShape'] as [number, number, number, number];
  const g = convolutionInfo(attrs, x.shape, filterShape, false);
  if (g.dilationHeight !== 1 || g.dilationWidth !== 1) {
    throw new Error('the wasm backend has no filter gradient of dilated convolutions');
  }
  const kernels = heapKernels(backend);
  const result = backend.makeOutput(filterShape, 'float32');
  setWindows(kernels, g);
  withScratch(backend, kernels.filterGradientScratch(), (scratch) => {
    const [images, gradient, target] = [x, dy, result].map((info) => addressOf(backend, info));
    kernels.filterGradient(images!, gradient!, target!, scratch);
  });
  return result;
}
