/**
 * The part of the wasm backend that our kernels use: tensors as views of its memory, and its other kernels.
 */
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

/**
 * Runs another wasm kernel on bare tensor infos. The caller disposes the result with `backend.disposeData`.
 */
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
