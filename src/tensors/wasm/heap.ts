/** What a kernel of ours sees of the wasm backend: tensors as views of its memory, and its other kernels. */
import type { TensorInfo } from '@tensorflow/tfjs';
import { tf } from '../tf.ts';

export interface WasmBackend {
  makeOutput(shape: readonly number[], dtype: 'float32' | 'int32'): TensorInfo;
  /** A view of the tensor's memory. Allocation may move the heap: take views after the last `makeOutput`. */
  typedArrayFromHeap(tensor: TensorInfo): Float32Array;
  disposeData(dataId: object): boolean;
}

export interface WasmKernelCall {
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly backend: WasmBackend;
  readonly attrs: Readonly<Record<string, unknown>>;
}

export type WasmKernel = (call: WasmKernelCall) => TensorInfo;

/** Explicit padding as TensorFlow.js takes it; zero for batch and channels. */
export type ExplicitPadding = [[number, number], [number, number], [number, number], [number, number]];

export function explicitPadding(top: number, bottom: number, left: number, right: number): ExplicitPadding {
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

/** Runs another wasm kernel on bare tensor infos. The caller disposes the result with `backend.disposeData`. */
export function callKernel(
  backend: WasmBackend,
  name: string,
  inputs: Readonly<Record<string, TensorInfo>>,
  attrs: Readonly<Record<string, unknown>>,
): TensorInfo {
  const kernel = tf.getKernel(name, 'wasm') as { kernelFunc: unknown } | undefined;
  if (kernel === undefined) throw new Error(`the wasm backend has no kernel ${name}`);
  return (kernel.kernelFunc as WasmKernel)({ inputs, backend, attrs });
}

export interface ConvolutionGeometry {
  readonly batchSize: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly inChannels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outChannels: number;
  readonly filterHeight: number;
  readonly filterWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly dilationHeight: number;
  readonly dilationWidth: number;
  readonly padInfo: {
    readonly top: number;
    readonly bottom: number;
    readonly left: number;
    readonly right: number;
  };
}

/** Sizes and padding of a convolution from the attributes of its gradient kernels. NHWC only. */
export function convolutionGeometry(
  attrs: Readonly<Record<string, unknown>>,
  inputShape: readonly number[],
  filterShape: readonly number[],
  depthwise: boolean,
): ConvolutionGeometry {
  const { strides, pad, dilations, dimRoundingMode, dataFormat } = attrs as {
    strides: number | [number, number];
    pad: 'valid' | 'same' | number | ExplicitPadding;
    dilations?: number | [number, number];
    dimRoundingMode?: 'floor' | 'round' | 'ceil';
    dataFormat?: string;
  };
  if (dataFormat === 'NCHW') throw new Error('convolution gradients on wasm need NHWC');
  return tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  );
}
