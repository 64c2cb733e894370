/**
 * Gradient of a convolution with respect to its filter, which the wasm backend lacks. It is itself a
 * convolution of the images, with channels and batch exchanged, by the output gradient as the filter, dilated
 * by the stride,
 *
 *   dw[a, b, i, o] = Σ_{n, y, x} X[n, a + s·y − p, b + s·x − p, i] · dY[n, y, x, o],
 *
 * so that XNNPACK's fast convolution computes the sums. It has only kernel area × input channels outputs, too
 * few rows for the first layer of a network. There the same sums are a matrix product of the unfolded images
 * (im2col) with dY: 28 × 28 × 1 → 16 by 3 × 3 at batch 64 takes 8.2 ms as a convolution, but 3.3 ms as a
 * product; 14 × 14 × 16 → 32 takes the same time either way.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { explicitPadding } from '../padding.ts';
import { convolutionInfo } from '../windows.ts';
import type { ConvolutionInfo } from '../windows.ts';
import { callKernel } from './heap.ts';
import type { WasmBackend, WasmKernelCall } from './heap.ts';

/** Number of rows of the unfolded images up to which the matrix product is faster. */
const unfoldedRows = 32;

export function conv2DBackpropFilter({ inputs, backend, attrs }: WasmKernelCall): TensorInfo {
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const filterShape = attrs['filterShape'] as [number, number, number, number];
  const geometry = convolutionInfo(attrs, x.shape, filterShape, false);
  if (geometry.dilationHeight !== 1 || geometry.dilationWidth !== 1) {
    throw new Error('the wasm backend has no filter gradient of dilated convolutions');
  }
  const rows = geometry.filterHeight * geometry.filterWidth * geometry.inChannels;
  const result =
    rows <= unfoldedRows
      ? byMatrixProduct(backend, x, dy, geometry)
      : byConvolution(backend, x, dy, geometry);
  return { ...result, shape: [...filterShape] };
}

function byConvolution(
  backend: WasmBackend,
  x: TensorInfo,
  dy: TensorInfo,
  geometry: ConvolutionInfo,
): TensorInfo {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth } = geometry;
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = geometry;
  // This padding at the bottom and right gives exactly filterHeight × filterWidth outputs. It is less than
  // that of the forward pass if the last rows were not reached, and negative if those rows were not padding.
  const bottom = filterHeight + strideHeight * (outHeight - 1) - inHeight - padInfo.top;
  const right = filterWidth + strideWidth * (outWidth - 1) - inWidth - padInfo.left;
  const cropped =
    bottom < 0 || right < 0
      ? callKernel(
          backend,
          'Slice',
          { x },
          {
            begin: [0, 0, 0, 0],
            size: [batchSize, inHeight + Math.min(bottom, 0), inWidth + Math.min(right, 0), inChannels],
          },
        )
      : null;
  const images = callKernel(backend, 'Transpose', { x: cropped ?? x }, { perm: [3, 1, 2, 0] });
  const gradient = callKernel(backend, 'Transpose', { x: dy }, { perm: [1, 2, 0, 3] });
  const product = callKernel(
    backend,
    'Conv2D',
    { x: images, filter: gradient },
    {
      strides: 1,
      dilations: [strideHeight, strideWidth],
      pad: explicitPadding([padInfo.top, Math.max(bottom, 0), padInfo.left, Math.max(right, 0)]),
      dataFormat: 'NHWC',
    },
  );
  const result = callKernel(backend, 'Transpose', { x: product }, { perm: [1, 2, 0, 3] });
  for (const info of [cropped, images, gradient, product])
    if (info !== null) backend.disposeData(info.dataId);
  return result;
}

function byMatrixProduct(
  backend: WasmBackend,
  x: TensorInfo,
  dy: TensorInfo,
  g: ConvolutionInfo,
): TensorInfo {
  const positions = g.batchSize * g.outHeight * g.outWidth;
  const rows = g.filterHeight * g.filterWidth * g.inChannels;
  const unfolded = backend.makeOutput([rows, positions], 'float32');
  unfold(backend.typedArrayFromHeap(x), backend.typedArrayFromHeap(unfolded), g);
  const gradient = { ...dy, shape: [positions, g.outChannels] };
  const result = callKernel(
    backend,
    'BatchMatMul',
    { a: unfolded, b: gradient },
    { transposeA: false, transposeB: false },
  );
  backend.disposeData(unfolded.dataId);
  return result;
}

/**
 * Row (a, b, i), column (n, y, x): the pixel of channel i that filter tap (a, b) meets at output (n, y, x).
 */
function unfold(images: Float32Array, target: Float32Array, g: ConvolutionInfo): void {
  target.fill(0);
  const positions = g.batchSize * g.outHeight * g.outWidth;
  const step = g.strideWidth * g.inChannels;
  let offset = 0;
  for (let a = 0; a < g.filterHeight; a++) {
    for (let b = 0; b < g.filterWidth; b++) {
      // Output column x meets input column stride · x + shift; those outside are padding.
      const shift = b - g.padInfo.left;
      const firstColumn = Math.max(Math.ceil(-shift / g.strideWidth), 0);
      const endColumn = Math.min(Math.floor((g.inWidth - 1 - shift) / g.strideWidth) + 1, g.outWidth);
      for (let i = 0; i < g.inChannels; i++, offset += positions) {
        for (let n = 0; n < g.batchSize; n++) {
          for (let row = 0; row < g.outHeight; row++) {
            const inRow = row * g.strideHeight + a - g.padInfo.top;
            if (inRow < 0 || inRow >= g.inHeight) continue;
            const to = offset + (n * g.outHeight + row) * g.outWidth;
            const from = ((n * g.inHeight + inRow) * g.inWidth + shift) * g.inChannels + i;
            for (let column = firstColumn; column < endColumn; column++) {
              target[to + column] = images[from + column * step]!;
            }
          }
        }
      }
    }
  }
}
