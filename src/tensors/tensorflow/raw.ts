/** What a kernel of ours sees of the tensorflow backend: TensorFlow's own operations, one at a time. */
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { tf } from '../tf.ts';

export interface TensorflowBackend {
  readonly binding: Readonly<
    Record<'TF_ATTR_TYPE' | 'TF_ATTR_INT' | 'TF_ATTR_STRING' | 'TF_FLOAT' | 'TF_INT32', number>
  > & {
    /** Number of a new session with the graph of `folder/saved_model.pb`. */
    loadSavedModel(folder: string, tags: string): number;
    /** Names are joined by commas; ids are those of `getInputTensorIds`. */
    runSavedModel(
      session: number,
      ids: readonly number[],
      feedNames: string,
      fetchNames: string,
    ): TensorMetadata[];
    deleteSavedModel(session: number): void;
  };
  /** Uploads what has not been, and gives the binding's numbers. */
  getInputTensorIds(tensors: readonly TensorInfo[]): number[];
  createOutputTensor(result: TensorMetadata): Tensor;
  executeSingleOutput(
    operation: string,
    attributes: readonly { readonly name: string; readonly type: number; readonly value: unknown }[],
    inputs: readonly TensorInfo[],
  ): Tensor;
}

/** A tensor as the binding returns it; the backend makes a `Tensor` of it. */
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

/** Runs one operation on float32 tensors; lists of numbers become integer attributes, text becomes text. */
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

/** An int32 vector, for operations that take a shape as a tensor. */
export function withShape<Result>(shape: readonly number[], use: (shape: Tensor) => Result): Result {
  const vector = tf.tensor1d([...shape], 'int32');
  try {
    return use(vector);
  } finally {
    vector.dispose();
  }
}
