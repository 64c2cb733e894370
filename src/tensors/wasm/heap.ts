/**
 * The part of the wasm backend that our kernels use: tensors as views of its memory, and its other kernels.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { tf } from '../tf.ts';

export interface WasmBackend {
  /** The module, whose memory holds all tensors. */
  readonly wasm: { readonly asm: { readonly memory: object } };
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

/** The tensor's place in the backend's memory. A tensor does not move. */
export function addressOf(backend: WasmBackend, tensor: TensorInfo): number {
  return backend.typedArrayFromHeap(tensor).byteOffset;
}

/** Calls `use` with the address of `bytes` bytes of the backend's memory, a multiple of 16, and gives them back. */
export function withScratch<Result>(
  backend: WasmBackend,
  bytes: number,
  use: (address: number) => Result,
): Result {
  const tensor = backend.makeOutput([Math.ceil(bytes / 4) + 4], 'float32');
  try {
    return use(Math.ceil(addressOf(backend, tensor) / 16) * 16);
  } finally {
    backend.disposeData(tensor.dataId);
  }
}

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
