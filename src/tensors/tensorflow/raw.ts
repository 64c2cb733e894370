/** The part of the tensorflow backend that our kernels use: TensorFlow's own operations, one at a time. */
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { tf } from '../tf.ts';

export interface TensorflowBackend {
  readonly binding: Readonly<
    Record<'TF_ATTR_TYPE' | 'TF_ATTR_INT' | 'TF_ATTR_STRING' | 'TF_FLOAT' | 'TF_INT32', number>
  > & {
    /** Opens a session with the graph of `folder/saved_model.pb` and returns its number. */
    loadSavedModel(folder: string, tags: string): number;
    /** Runs a session. Names are joined by commas; ids are those of `getInputTensorIds`. */
    runSavedModel(
      session: number,
      ids: readonly number[],
      feedNames: string,
      fetchNames: string,
    ): TensorMetadata[];
    deleteSavedModel(session: number): void;
    /** Adds a function: a graph (the bytes of a GraphDef) from inputs to outputs, names joined by commas. */
    addFunction?(name: string, graph: Uint8Array, inputs: string, outputs: string): void;
    /** Runs a function on the device. `outputs` is the number of its outputs. */
    runFunction?(
      name: string,
      attributes: readonly OperationAttribute[],
      ids: readonly number[],
      outputs: number,
    ): TensorMetadata[];
    removeFunction?(name: string): void;
  };
  /** Uploads the tensors that are not on the device yet, and returns the binding's numbers of all. */
  getInputTensorIds(tensors: readonly TensorInfo[]): number[];
  createOutputTensor(result: TensorMetadata): Tensor;
  executeSingleOutput(
    operation: string,
    attributes: readonly OperationAttribute[],
    inputs: readonly TensorInfo[],
  ): Tensor;
}

/** `type` is one of the binding's `TF_ATTR_…`. */
export interface OperationAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** A tensor in the form that the binding returns; the backend makes a `Tensor` of it. */
export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

export interface TensorflowKernelCall {
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly backend: TensorflowBackend;
  readonly attrs: Readonly<Record<string, unknown>>;
}

export type TensorflowKernel = (call: TensorflowKernelCall) => Tensor;

type Attribute = string | readonly number[];

/**
 * Runs one operation on float32 tensors. Lists of numbers become integer attributes, and text becomes a
 * string attribute.
 */
export function execute(
  backend: TensorflowBackend,
  operation: string,
  inputs: readonly TensorInfo[],
  attributes: Readonly<Record<string, Attribute>> = {},
): Tensor {
  const { TF_ATTR_TYPE, TF_ATTR_INT, TF_ATTR_STRING, TF_FLOAT } = backend.binding;
  const all = Object.entries(attributes).map(([name, value]) => ({
    name,
    type: typeof value === 'string' ? TF_ATTR_STRING : TF_ATTR_INT,
    value,
  }));
  return backend.executeSingleOutput(
    operation,
    [{ name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT }, ...all],
    inputs,
  );
}

/** Calls `use` with a shape as an int32 vector, for operations that take one as a tensor. */
export function withShape<Result>(shape: readonly number[], use: (shape: Tensor) => Result): Result {
  const vector = tf.tensor1d([...shape], 'int32');
  try {
    return use(vector);
  } finally {
    vector.dispose();
  }
}
