/** Runs a graph of `graph-builder.ts` as TensorFlow runs a SavedModel: optimised as a whole, one call through the binding. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../../tf.ts';
import type { TensorflowBackend } from '../raw.ts';
import type { GraphBuilder, Output } from './graph-builder.ts';

export interface GraphSession {
  /**
   * Runs what `fetches` need. `feeds` are tensors of the tensorflow backend, one for each placeholder of `openSession`,
   * in that order; the caller disposes the results. Throws TensorFlow's error for shapes that do not fit or no memory.
   */
  run(feeds: readonly Tensor[]): Tensor[];
  dispose(): void;
}

/**
 * Loads `graph` into TensorFlow, which must be the current backend. A session is compiled at its first run (0.1–0.5 s for
 * large networks). On a GPU each run copies its feeds and results through host memory.
 */
export function openSession(
  graph: GraphBuilder,
  placeholders: readonly Output[],
  fetches: readonly Output[],
): GraphSession {
  const backend = tf.backend() as unknown as TensorflowBackend;
  // A new folder each time, for TensorFlow reads from a folder; it is read whole, so it need not stay.
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-graph-'));
  let session: number;
  try {
    writeFileSync(join(folder, 'saved_model.pb'), graph.serialize());
    session = backend.binding.loadSavedModel(folder, 'serve');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const feedNames = placeholders.join();
  const fetchNames = fetches.join();
  return {
    run(feeds) {
      const ids = backend.getInputTensorIds(feeds);
      return backend.binding
        .runSavedModel(session, ids, feedNames, fetchNames)
        .map((result) => backend.createOutputTensor(result));
    },
    dispose: () => backend.binding.deleteSavedModel(session),
  };
}
