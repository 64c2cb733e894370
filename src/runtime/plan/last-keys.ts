import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { readJsonFile } from '../../files/read-json.ts';
import type { Graph } from '../../dsl/graph.ts';
import { isDigest, sha256 } from '../digest.ts';
import { writeSideMemory } from '../store/durable.ts';
import { whileLocked } from '../store/lock.ts';

/**
 * Cell id → keys of its units after the latest run of a pipeline. Only explanations read it, never results.
 */
export type LastKeys = ReadonlyMap<string, readonly string[]>;

export function lastKeysPath(cacheFolder: string, graph: Pick<Graph, 'file'>): string {
  return `${lastPath(cacheFolder, graph.file)}.json`;
}

/**
 * The path, without its ending, of what is remembered of the latest run of a pipeline. Runs of one file in
 * different variants have different paths.
 */
export function lastPath(cacheFolder: string, file: string, variant: readonly string[] = []): string {
  const name = basename(file)
    .replaceAll(/[^\w.-]/g, '_')
    .slice(0, 60);
  return `${cacheFolder}/last/${name}-${sha256([file, ...variant].join('\n')).slice(0, 12)}`;
}

export function readLastKeys(path: string): LastKeys {
  try {
    const entries = Object.entries(readJsonFile(path) as Record<string, unknown>);
    // Keys become paths of records, so anything else counts as absent.
    return new Map(
      entries.filter(
        (entry): entry is [string, string[]] => Array.isArray(entry[1]) && entry[1].every(isDigest),
      ),
    );
  } catch {
    return new Map();
  }
}

/**
 * Replaces the file if `keys` differ from it. Cells that this run did not finish keep the keys that they had.
 */
export function writeLastKeys(path: string, keys: LastKeys, complete: boolean): void {
  whileLocked(path, () => writeIfOther(path, complete ? keys : new Map([...readLastKeys(path), ...keys])));
}

function writeIfOther(path: string, keys: LastKeys): void {
  const text = JSON.stringify(Object.fromEntries(keys));
  try {
    if (readFileSync(path, 'utf8') === text) return;
  } catch {
    // There is no such file yet.
  }
  writeSideMemory(path, text);
}
