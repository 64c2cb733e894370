import { statSync } from 'node:fs';
import { readJsonFile } from '../../files/read-json.ts';
import type { Graph } from '../../dsl/graph.ts';
import { isDigest } from '../digest.ts';
import type { StageRegistry } from '../stage.ts';
import { writeSideMemory } from '../store/durable.ts';
import { whileLocked } from '../store/lock.ts';
import type { Store } from '../store/store.ts';
import { lastKeysPath, lastPath, readLastKeys } from './last-keys.ts';

/** The part of a backend that decides its numbers, as keys have it. */
export interface NumericIdentity {
  readonly backend: string;
  readonly version: string;
}

/**
 * The backends that computed a pipeline, the one of its last run first. They decide what `auto` means and
 * whose results a plan looks for, and never a result.
 */
export interface LastBackends {
  readonly used: readonly NumericIdentity[];
  /** `cache`: the pipeline has not run, and `used` is what other pipelines of the cache ran on. */
  readonly of: 'pipeline' | 'cache';
}

export interface BackendMemory {
  readonly read: () => LastBackends;
  /** Puts the backend of a run that begins first. Nothing is written if it is first already. */
  readonly remember: (identity: NumericIdentity) => void;
}

/** A run on a third backend is rare, and each of these may cost a plan. */
const mostUsed = 3;
const mostBytes = 16_384;
/** Cells whose records are read if a pipeline was last run by a version that did not remember backends. */
const mostRecords = 64;

/**
 * Remembers the backends of one pipeline under its profiles, because a profile may name another backend, and
 * of the whole cache, which a renamed pipeline goes on with. Files that are absent or damaged, or hold
 * anything else, count as empty.
 */
export function openBackendMemory(
  store: Store,
  graph: Graph,
  registry: StageRegistry,
  profiles: readonly string[],
): BackendMemory {
  const ofPipeline = `${lastPath(store.folder, graph.file, profiles)}.backends.json`;
  const ofCache = `${store.folder}/last/backends.json`;
  const read = (): LastBackends => {
    const own = readUsed(ofPipeline);
    if (own.length > 0) return { used: own, of: 'pipeline' };
    const recorded = recordedIdentity(store, graph, registry);
    if (recorded !== null) return { used: [recorded], of: 'pipeline' };
    return { used: readUsed(ofCache), of: 'cache' };
  };
  return {
    read,
    remember(identity) {
      writeUsed(ofPipeline, identity, () => read().used);
      writeUsed(ofCache, identity, () => readUsed(ofCache));
    },
  };
}

function readUsed(path: string): readonly NumericIdentity[] {
  try {
    if (statSync(path).size > mostBytes) return [];
    const { format, used } = readJsonFile(path) as { format?: unknown; used?: unknown };
    return format === 1 && Array.isArray(used) ? used.flatMap(identityOf).slice(0, mostUsed) : [];
  } catch {
    return [];
  }
}

function writeUsed(path: string, identity: NumericIdentity, earlier: () => readonly NumericIdentity[]): void {
  const isFirst = (): boolean => {
    const [first] = readUsed(path);
    return first !== undefined && isSame(first, identity);
  };
  if (isFirst()) return;
  whileLocked(path, () => {
    const used = [identity, ...earlier().filter((other) => !isSame(other, identity))].slice(0, mostUsed);
    // If it cannot be written, the next run chooses as if this one had not been.
    writeSideMemory(path, JSON.stringify({ format: 1, used }));
  });
}

/** The identity in the records of the latest run, for caches that have no memory of backends yet. */
function recordedIdentity(store: Store, graph: Graph, registry: StageRegistry): NumericIdentity | null {
  const keys = readLastKeys(lastKeysPath(store.folder, graph));
  if (keys.size === 0) return null;
  const onDevice = graph.cells.filter(({ uses }) => registry.get(uses)?.device === true);
  for (const { id } of onDevice.slice(0, mostRecords)) {
    const key = keys.get(id)?.[0];
    const record = isDigest(key) ? store.peekRecord(key) : null;
    const [identity] = identityOf(record?.preimage['numerics']);
    if (identity !== undefined) return identity;
  }
  return null;
}

/** The identity that a value read from disk is, in a list, or nothing. It may be printed. */
function identityOf(value: unknown): NumericIdentity[] {
  if (typeof value !== 'object' || value === null) return [];
  const { backend, version } = value as { backend?: unknown; version?: unknown };
  if (typeof backend !== 'string' || !/^[a-z][a-z0-9-]{0,31}$/.test(backend)) return [];
  if (typeof version !== 'string' || !/^[^\p{C}]{1,300}$/u.test(version)) return [];
  return [{ backend, version }];
}

export function isSame(a: NumericIdentity, b: NumericIdentity): boolean {
  return a.backend === b.backend && a.version === b.version;
}
