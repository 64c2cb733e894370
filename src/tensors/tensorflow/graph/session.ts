/**
 * Runs a graph of `graph-builder.ts` as a SavedModel, which TensorFlow optimises as a whole and runs in one
 * call through the binding.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../../tf.ts';
import type { TensorflowBackend } from '../raw.ts';
import type { GraphBuilder, Output } from './graph-builder.ts';
import { withTemporaryFolder } from './temporary-folder.ts';

export interface GraphSession {
  /**
   * Computes the fetches of `openSession`. `feeds` are tensors of the tensorflow backend, one for each
   * placeholder and in that order; the caller disposes the results. Throws TensorFlow's error if a shape does
   * not fit or memory runs out.
   */
  run(feeds: readonly Tensor[]): Tensor[];
  dispose(): void;
}

interface LoadedGraph {
  readonly session: number;
  users: number;
}

/**
 * Loaded graphs by digest, the least recently used first. Graphs outlive their users, because the next
 * shard's classifier has the same network, and compiling a graph takes 0.1 s and more.
 */
const loaded = new Map<string, LoadedGraph>();
const idleLimit = 16;

/**
 * Loads `graph` into TensorFlow, which must be the current backend; an equal graph is loaded only once.
 * TensorFlow compiles it at its first run (0.1–0.5 s for large networks). On a GPU, each run copies its feeds
 * and results through host memory.
 */
export function openSession(
  graph: GraphBuilder,
  placeholders: readonly Output[],
  fetches: readonly Output[],
): GraphSession {
  const backend = tf.backend() as unknown as TensorflowBackend;
  const bytes = graph.serialize();
  const digest = createHash('sha256').update(bytes).digest('hex');
  const entry = loaded.get(digest) ?? { session: load(backend, bytes), users: 0 };
  entry.users++;
  loaded.set(digest, entry);
  const feedNames = placeholders.join();
  const fetchNames = fetches.join();
  return {
    run(feeds) {
      const ids = backend.getInputTensorIds(feeds);
      return backend.binding
        .runSavedModel(entry.session, ids, feedNames, fetchNames)
        .map((result) => backend.createOutputTensor(result));
    },
    dispose() {
      entry.users--;
      // Moves the graph to the end of the order.
      loaded.delete(digest);
      loaded.set(digest, entry);
      unloadIdle(backend);
    },
  };
}

function load(backend: TensorflowBackend, bytes: Uint8Array): number {
  // TensorFlow reads the whole model from a folder at once, so that a temporary one will do.
  return withTemporaryFolder((folder) => {
    writeFileSync(join(folder, 'saved_model.pb'), bytes);
    return backend.binding.loadSavedModel(folder, 'serve');
  });
}

function unloadIdle(backend: TensorflowBackend): void {
  const idle = [...loaded].filter(([, { users }]) => users === 0);
  for (const [digest, { session }] of idle.slice(0, Math.max(idle.length - idleLimit, 0))) {
    backend.binding.deleteSavedModel(session);
    loaded.delete(digest);
  }
}
