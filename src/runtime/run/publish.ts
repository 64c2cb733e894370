import { lstatSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, relative, resolve } from 'node:path';
import type { Graph } from '../../dsl/graph.ts';
import { publishPath } from '../../dsl/cells/publish-path.ts';
import { isPerImageValue, perImageKinds, type Value } from '../../values/value.ts';
import { resolveInside } from '../plan/resolve-path.ts';
import { sweepTemporaries, writeAtomic } from '../store/durable.ts';
import { DamagedObjectError } from '../store/errors.ts';
import type { Store } from '../store/store.ts';
import { outputKind } from '../plan/units.ts';
import type { CellState } from '../plan/units.ts';
import { describeProblem, type PublishProblem } from './publish-problem.ts';
import { isPublished, type PublishedFile, PublishedMemory } from './published-memory.ts';
import { checkReplaced, checkTarget } from './publish-target.ts';

export type { PublishProblem };

/**
 * Copies outputs to the paths under `publish:`. It remembers what it copied, so
 * that an unchanged file costs a stat.
 */
export interface Publisher {
  /** Publishes what it can. Never rejects: one file that cannot be written keeps no other from being written. */
  readonly publish: (state: CellState) => Promise<Publication>;
}

export interface Publication {
  /** Absolute paths of the files that have changed. */
  readonly written: readonly string[];
  readonly failed: readonly PublishProblem[];
  /** A sentence for each file that another pipeline or stage had published, and that was replaced. */
  readonly replaced: readonly string[];
  /** Files whose result has to be computed again first, with the digest of the damaged object. */
  readonly damaged: readonly { readonly digest: string; readonly problem: PublishProblem }[];
}

/**
 * Opens what copies results to the files under `publish:`. With `overwrite` it also replaces files that no run
 * with this cache has published. `machineKey` is a secret of this machine: what was published decides what may be
 * replaced, and the cache may come from elsewhere.
 */
export function openPublisher(
  graph: Graph,
  store: Store,
  {
    overwrite = false,
    machineKey = null,
  }: { readonly overwrite?: boolean; readonly machineKey?: Uint8Array | null } = {},
): Publisher {
  const rules = { root: graph.root, file: graph.file, cacheFolder: store.folder };
  const memory = new PublishedMemory(store.folder, machineKey);
  /** Returns the path if the file has changed. */
  const publishOne = async (
    state: CellState,
    port: string,
    target: string,
    replaced: string[],
  ): Promise<string | null> => {
    const digests = state.units.flatMap((unit) => (unit.outputs?.[port] ?? []).map((part) => part.digest));
    const source = digests.join();
    const place = checkTarget(target, rules);
    const entry = memory.get(place);
    const owner = `${state.graphStage.id} of ${relative(graph.root, graph.file)}`;
    if (entry?.source === source && entry.owner === owner && isUnchanged(place, entry)) return null;
    const bytes = await publishedBytes(state, port, target, digests, store);
    const isNew = !hasBytes(target, bytes);
    const isOurs = entry !== undefined && isPublished(place, entry);
    if (isNew) {
      if (!isOurs && !overwrite) checkReplaced(target);
      mkdirSync(dirname(target), { recursive: true });
      sweepTemporaries(dirname(target));
      if (!isOurs) memory.expect(place, { source, owner, bytes });
      writeAtomic(target, bytes);
    }
    memory.set(place, { source, owner, bytes });
    const before = isOurs ? entry.owner : undefined;
    if (isNew && before !== undefined && before !== owner)
      replaced.push(
        `${target} was published by ${before}, and is now that of ${owner}: give each its own path, or each run replaces what the other wrote`,
      );
    return isNew ? target : null;
  };
  return {
    async publish(state) {
      const written: string[] = [];
      const failed: PublishProblem[] = [];
      const replaced: string[] = [];
      const damaged: { digest: string; problem: PublishProblem }[] = [];
      for (const { port, path } of state.graphStage.publish) {
        // A unit that is being computed again: the cell will be published when it has finished again.
        if (state.units.some(({ outputs }) => outputs === null)) break;
        const named = resolve(dirname(graph.file), publishPath(path, state.cell.axes));
        try {
          const target = resolveInside(graph.root, dirname(graph.file), named);
          const changedPath = await publishOne(state, port, target, replaced);
          if (changedPath !== null) written.push(changedPath);
        } catch (error) {
          const problem = describeProblem(named, error);
          if (error instanceof DamagedObjectError) damaged.push({ digest: error.digest, problem });
          else failed.push(problem);
        }
      }
      return { written, failed, damaged, replaced };
    },
  };
}

/** A link is replaced by a file, even if it leads to one with the same bytes. */
function hasBytes(path: string, bytes: Uint8Array): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true && readFileSync(path).equals(bytes);
}

function isUnchanged(place: string, { path, size, mtimeMs }: PublishedFile): boolean {
  const stat = path === place ? statSync(place, { throwIfNoEntry: false }) : undefined;
  return stat?.size === size && stat.mtimeMs === mtimeMs;
}

async function publishedBytes(
  state: CellState,
  port: string,
  target: string,
  digests: readonly string[],
  store: Store,
): Promise<Uint8Array> {
  const kind = outputKind(state, port);
  const parts = perImageKinds.has(kind) ? digests : digests.slice(0, 1);
  if (kind !== 'figure' && kind !== 'transform' && parts.length === 1) return store.readObject(parts[0]!);
  const [{ encodeValue }, { readValue }] = await Promise.all([
    import('../../values/codec.ts'),
    import('../store/read-value.ts'),
  ]);
  const values: Value[] = parts.map((digest) => readValue(store, kind, digest));
  const [first] = values;
  // A recipe in the cache names its patches, but a published one must contain them.
  if (first?.kind === 'transform') return encodeValue(first);
  if (first?.kind === 'figure') {
    const extension = extname(target).slice(1).toLowerCase();
    const file = first.files[extension];
    if (file !== undefined) return file;
    const { StageError } = await import('../stage.ts');
    throw new StageError(`${state.cell.id} has no '${extension}' file that could be published as ${target}`, {
      file: target,
      fix: `publish it with one of these extensions: ${Object.keys(first.files).join(', ')}`,
    });
  }
  const { concatValues } = await import('../../values/slices.ts');
  return encodeValue(concatValues(values.filter(isPerImageValue)));
}
