/**
 * Gradient of a convolution with respect to its input by XNNPACK; the backend's own kernel is a plain loop.
 * With stride 1 it is a convolution of the output gradient by the filter turned by 180° with its channels
 * exchanged. With stride s each of the s × s phases of the input has its own such filter of ⌈k/s⌉ × ⌈k/s⌉
 * taps. One convolution with s² times the channels computes all of them, and depth-to-space interleaves the
 * phases (Shi et al. 2016).
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { explicitPadding } from '../padding.ts';
import { convolutionInfo } from '../windows.ts';
import type { ConvolutionInfo } from '../windows.ts';
import { callKernel } from './heap.ts';
import type { WasmBackend, WasmKernelCall } from './heap.ts';

export function conv2DBackpropInput({ inputs, backend, attrs }: WasmKernelCall): TensorInfo {
  const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
  const inputShape = attrs['inputShape'] as [number, number, number, number];
  const geometry = convolutionInfo(attrs, inputShape, filter.shape, false);
  const { strideHeight, strideWidth, padInfo, inHeight, inWidth, outHeight, outWidth } = geometry;
  // A block of depth-to-space is a square. Unequal strides would have to take the larger one and keep only
  // their own phases.
  if (strideHeight !== strideWidth)
    throw new Error('the wasm backend needs equal strides for the input gradient of a convolution');
  const stride = strideHeight;
  const phases = phaseFilters(backend, filter, geometry);
  const [tapsHeight, tapsWidth] = phases.shape as [number, number];

  // In steps of the stride, input position i is phase (i + pad) mod s of position ⌊(i + pad) / s⌋. One more
  // output per position than the input needs is computed and cropped, except for stride 1, for which padding
  // alone is enough.
  const crop = stride > 1 || padInfo.top > tapsHeight - 1 || padInfo.left > tapsWidth - 1;
  const top = crop ? tapsHeight - 1 : tapsHeight - 1 - padInfo.top;
  const left = crop ? tapsWidth - 1 : tapsWidth - 1 - padInfo.left;
  const rows = crop ? Math.floor((inHeight - 1 + padInfo.top) / stride) + 1 : inHeight;
  const columns = crop ? Math.floor((inWidth - 1 + padInfo.left) / stride) + 1 : inWidth;
  const bottom = rows + tapsHeight - 1 - top - outHeight;
  const right = columns + tapsWidth - 1 - left - outWidth;

  const owned: TensorInfo[] = [phases];
  const own = (info: TensorInfo): TensorInfo => {
    owned.push(info);
    return info;
  };
  let x = dy;
  if (bottom < 0 || right < 0) {
    // Windows that lie entirely in the padding contribute nothing.
    const size = [dy.shape[0]!, outHeight + Math.min(bottom, 0), outWidth + Math.min(right, 0), dy.shape[3]!];
    x = own(callKernel(backend, 'Slice', { x }, { begin: [0, 0, 0, 0], size }));
  }
  let result = own(
    callKernel(
      backend,
      'Conv2D',
      { x, filter: phases },
      {
        strides: 1,
        dilations: 1,
        pad: explicitPadding([top, Math.max(bottom, 0), left, Math.max(right, 0)]),
        dataFormat: 'NHWC',
      },
    ),
  );
  if (stride > 1) {
    result = own(
      callKernel(backend, 'DepthToSpace', { x: result }, { blockSize: stride, dataFormat: 'NHWC' }),
    );
  }
  if (crop) {
    result = own(
      callKernel(
        backend,
        'Slice',
        { x: result },
        {
          begin: [0, padInfo.top, padInfo.left, 0],
          size: [...inputShape],
        },
      ),
    );
  }
  for (const info of owned) if (info !== result) backend.disposeData(info.dataId);
  return { ...result, shape: [...inputShape] };
}

/**
 * Filters of all phases, `[⌈kh/s⌉, ⌈kw/s⌉, outChannels, s·s·inChannels]`, from a filter `[kh, kw, inChannels,
 * outChannels]`.
 */
function phaseFilters(backend: WasmBackend, filter: TensorInfo, geometry: ConvolutionInfo): TensorInfo {
  const { filterHeight, filterWidth, inChannels, outChannels, strideHeight: stride } = geometry;
  const tapsHeight = Math.ceil(filterHeight / stride);
  const tapsWidth = Math.ceil(filterWidth / stride);
  const phaseChannels = stride * stride * inChannels;
  const result = backend.makeOutput([tapsHeight, tapsWidth, outChannels, phaseChannels], 'float32');
  const source = backend.typedArrayFromHeap(filter);
  const target = backend.typedArrayFromHeap(result);
  target.fill(0);
  for (let a = 0; a < filterHeight; a++) {
    const tapRow = tapsHeight - 1 - Math.floor(a / stride);
    for (let b = 0; b < filterWidth; b++) {
      const tapColumn = tapsWidth - 1 - Math.floor(b / stride);
      const phase = ((a % stride) * stride + (b % stride)) * inChannels;
      const to = (tapRow * tapsWidth + tapColumn) * outChannels * phaseChannels + phase;
      const from = (a * filterWidth + b) * inChannels * outChannels;
      for (let i = 0; i < inChannels; i++) {
        for (let o = 0; o < outChannels; o++) {
          target[to + o * phaseChannels + i] = source[from + i * outChannels + o]!;
        }
      }
    }
  }
  return result;
}
