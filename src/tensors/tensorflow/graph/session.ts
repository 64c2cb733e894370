/**
 * Runs a graph of `graph-builder.ts`, which TensorFlow optimises as a whole and runs in one call through the
 * binding.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../../tf.ts';
import { noteFed, noteFetched } from '../../../timing/transfers.ts';
import type { TensorflowBackend, TensorMetadata } from '../raw.ts';
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

/**
 * How TensorFlow rewrites the operations of a function. `none`: it leaves each as it is written. `fused`: it fuses them, but
 * leaves their arithmetic alone. `arithmetic`: it rewrites that too, such as common factors and operations that are there twice.
 */
export type Rewriting = keyof typeof rewritings;

export interface SessionOptions {
  /** Whether the graph is a function of TensorFlow; if the binding has functions. */
  readonly isFunction?: boolean;
  /** How far TensorFlow may rewrite a function; `fused` if absent. */
  readonly rewriting?: Rewriting;
}

interface LoadedGraph {
  readonly run: (
    ids: readonly number[],
    placeholders: string,
    fetches: readonly Output[],
  ) => TensorMetadata[];
  readonly unload: () => void;
  /** Whether feeds and fetches go through the memory of the host. */
  readonly copies: boolean;
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
 * TensorFlow compiles it at its first run (0.1–0.5 s for large networks). It is a function of TensorFlow, whose feeds
 * and results stay on the device. With the binding of an earlier set-up it is a SavedModel instead, which copies them
 * through host memory at each run, or if `isFunction` is false; both compute the same bits but for a few operations.
 */
export function openSession(
  graph: GraphBuilder,
  placeholders: readonly Output[],
  fetches: readonly Output[],
  { isFunction = keepsTensors(), rewriting = 'fused' }: SessionOptions = {},
): GraphSession {
  const backend = tf.backend() as unknown as TensorflowBackend;
  const feedNames = placeholders.join();
  const bytes = isFunction ? graph.definition() : graph.serialize();
  const digest = createHash('sha256')
    .update(bytes)
    .update(`${feedNames} ${fetches.join()} ${rewriting}`)
    .digest('hex');
  const load = (): LoadedGraph =>
    isFunction
      ? loadFunction(backend, bytes, `ravelin_${digest.slice(0, 32)}`, { feedNames, fetches, rewriting })
      : loadModel(backend, bytes);
  const entry = loaded.get(digest) ?? load();
  entry.users++;
  loaded.set(digest, entry);
  return {
    run(feeds) {
      const ids = backend.getInputTensorIds(feeds);
      if (entry.copies) for (const { size } of feeds) noteFed(4 * size);
      const results = entry.run(ids, feedNames, fetches).map((result) => backend.createOutputTensor(result));
      if (entry.copies) for (const { size } of results) noteFetched(4 * size);
      return results;
    },
    dispose() {
      entry.users--;
      // Moves the graph to the end of the order.
      loaded.delete(digest);
      loaded.set(digest, entry);
      unloadIdle();
    },
  };
}

/** Whether the binding of the current backend has functions, so that tensors stay on the device from one graph to the next. */
export function keepsTensors(): boolean {
  const { binding } = tf.backend() as unknown as TensorflowBackend;
  return binding.runFunction !== undefined;
}

/**
 * TensorFlow optimises a function only if it is given a `ConfigProto`: these, in their wire format, are a
 * `graph_options { rewrite_options { … } }`. The arithmetic optimisations are OFF in the first two: in a session, whose
 * operations have no device yet, they find less. `none` has OFF for `constant_folding`, `dependency_optimization` and
 * `remapping` as well: otherwise sums of three become one operation, in an order of its own, and a division by a constant
 * becomes a product with its inverse.
 */
const rewritings = {
  none: '\x52\x0a\x52\x08\x18\x02\x38\x02\x40\x02\x70\x02',
  fused: '\x52\x04\x52\x02\x38\x02',
  arithmetic: '\x52\x02\x52\x00',
} as const;

function loadFunction(
  { binding }: TensorflowBackend,
  bytes: Uint8Array,
  name: string,
  {
    feedNames,
    fetches,
    rewriting,
  }: { readonly feedNames: string; readonly fetches: readonly Output[]; readonly rewriting: Rewriting },
): LoadedGraph {
  binding.addFunction!(name, bytes, feedNames, fetches.join());
  const attributes = [{ name: 'config_proto', type: binding.TF_ATTR_STRING, value: rewritings[rewriting] }];
  return {
    run: (ids) => binding.runFunction!(name, attributes, ids, fetches.length),
    unload: () => binding.removeFunction!(name),
    copies: false,
    users: 0,
  };
}

function loadModel({ binding }: TensorflowBackend, bytes: Uint8Array): LoadedGraph {
  // TensorFlow reads the whole model from a folder at once, so that a temporary one will do.
  const session = withTemporaryFolder((folder) => {
    writeFileSync(join(folder, 'saved_model.pb'), bytes);
    return binding.loadSavedModel(folder, 'serve');
  });
  return {
    run: (ids, feedNames, fetches) => binding.runSavedModel(session, ids, feedNames, fetches.join()),
    unload: () => binding.deleteSavedModel(session),
    copies: true,
    users: 0,
  };
}

function unloadIdle(): void {
  const idle = [...loaded].filter(([, { users }]) => users === 0);
  for (const [digest, { unload }] of idle.slice(0, Math.max(idle.length - idleLimit, 0))) {
    unload();
    loaded.delete(digest);
  }
}
