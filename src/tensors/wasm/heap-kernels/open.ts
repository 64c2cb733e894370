/** Opens the kernels of this folder on the memory of the wasm backend. */
import { instantiateModule } from '../../web-assembly.ts';
import type { ConvolutionInfo } from '../../windows.ts';
import type { WasmBackend } from '../heap.ts';
import { heapKernelsModule } from './heap-kernels.wasm.ts';

/** The exports of heap-kernels.as.ts. Addresses are bytes from the start of the backend's memory. */
interface HeapKernels {
  /** Sets the shapes of the convolutions that follow; their `…Scratch` say how many bytes they need besides. */
  readonly setWindows: (
    images: number,
    height: number,
    width: number,
    channels: number,
    outHeight: number,
    outWidth: number,
    filters: number,
    filterHeight: number,
    filterWidth: number,
    strideHeight: number,
    strideWidth: number,
    top: number,
    left: number,
  ) => void;
  readonly convolveScratch: () => number;
  readonly convolve: (
    x: number,
    filter: number,
    bias: number,
    out: number,
    scratch: number,
    low: number,
    high: number,
  ) => void;
  readonly convolveNarrowScratch: () => number;
  readonly convolveNarrow: (x: number, filter: number, out: number, scratch: number) => void;
  readonly filterGradientScratch: () => number;
  readonly filterGradient: (x: number, dy: number, dw: number, scratch: number) => void;
  readonly channelSum: (x: number, sums: number, rows: number, channels: number, weight: number) => void;
  readonly reluGradient: (dy: number, output: number, dx: number, length: number) => void;
  readonly relu6Gradient: (dy: number, output: number, dx: number, length: number) => void;
  readonly maxPoolGradient: (
    x: number,
    output: number,
    dy: number,
    dx: number,
    images: number,
    height: number,
    width: number,
    channels: number,
    outHeight: number,
    outWidth: number,
    windowHeight: number,
    windowWidth: number,
    strideHeight: number,
    strideWidth: number,
    top: number,
    left: number,
  ) => void;
}

let opened: { readonly memory: object; readonly kernels: HeapKernels } | null = null;

/** The kernels, compiled at the first call. */
export function heapKernels(backend: WasmBackend): HeapKernels {
  const { memory } = backend.wasm.asm;
  if (opened?.memory !== memory) {
    opened = { memory, kernels: instantiateModule(heapKernelsModule, memory) as HeapKernels };
  }
  return opened.kernels;
}

/** Sets the shapes of a convolution, which must not be dilated, and of its gradients. */
export function setWindows(kernels: HeapKernels, g: ConvolutionInfo): void {
  kernels.setWindows(
    ...([g.batchSize, g.inHeight, g.inWidth, g.inChannels] as const),
    ...([g.outHeight, g.outWidth, g.outChannels] as const),
    ...([g.filterHeight, g.filterWidth, g.strideHeight, g.strideWidth] as const),
    ...([g.padInfo.top, g.padInfo.left] as const),
  );
}
