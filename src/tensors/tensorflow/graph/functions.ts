/** Functions of TensorFlow that are written and opened when they are first called. */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../../tf.ts';
import type { GraphBuilder, Output } from './graph-builder.ts';
import { type GraphSession, openSession } from './session.ts';

export interface EmittedFunction {
  readonly graph: GraphBuilder;
  /** Placeholders, in the order of the inputs of a call. */
  readonly inputs: readonly Output[];
  readonly outputs: readonly Output[];
}

/**
 * Returns a call of the function that `emit` writes for a key, such as the size of images. TensorFlow runs the operations as
 * they are written, and keeps each function, compiled, for as long as its backend. The caller disposes the results.
 */
export function graphFunction<Key extends string | number>(
  emit: (key: Key) => EmittedFunction,
): (inputs: readonly Tensor[], key: Key) => readonly Tensor[] {
  const opened = new Map<Key, GraphSession>();
  let owner: unknown = null;
  return (inputs, key) => {
    const backend = tf.backend();
    if (owner !== backend) opened.clear();
    owner = backend;
    let session = opened.get(key);
    if (session === undefined) {
      const { graph, inputs: placeholders, outputs } = emit(key);
      session = openSession(graph, placeholders, outputs, { rewriting: 'none' });
      opened.set(key, session);
    }
    return session.run(inputs);
  };
}
