import type { ImageLabels, ImageRows } from '../../../values/image-rows.ts';
import { inPhase, whileAwaiting } from '../../../timing/phases.ts';
import { encodeValue } from '../../../values/codec.ts';
import { concatValues, countOf, sliceValue } from '../../../values/slices.ts';
import type { Patches } from '../../../values/patches.ts';
import { isPerImageValue, type Value } from '../../../values/value.ts';
import type { Task } from '../../executor.ts';
import type { Collected, Stage, Streamed } from '../../stage.ts';
import { DamagedObjectError } from '../../store/errors.ts';
import { decodeObject } from '../../store/read-value.ts';
import type { OutputPart, Outputs, StoredObject } from '../../store/record.ts';
import type { Store } from '../../store/store.ts';
import type { BoundValue } from '../../plan/units.ts';
import { DamagedInputsError } from './damaged-inputs.ts';
import type { KeptInputs } from './input-cache.ts';
import { rememberPatches, storedBytes, storePatches } from './stored-patches.ts';
import { openStoredRows, readStoredLabels } from './stored-rows.ts';

/** An input as a stage is given it. */
type Input = Value | Collected[] | Streamed | ImageRows | ImageLabels;

export interface ReadInputs {
  readonly inputs: Readonly<Record<string, Input>>;
  /** Grows with the damaged objects that the stage meets in a stream, even if it catches the error itself. */
  readonly damaged: readonly string[];
}

/**
 * Reads, verifies and decodes all inputs of a task, cut to its shard. Those that the stage reads as a stream or row by
 * row are read when it does. Throws `DamagedInputsError` with all damaged objects.
 */
export function readInputs(
  stage: Pick<Stage, 'in'>,
  task: Task,
  store: Store,
  cache: KeptInputs,
): ReadInputs {
  const inputs: Record<string, Input> = {};
  const damaged: string[] = [];
  const read: ReadInput = (value, shardCount = task.shard?.count ?? null) => {
    try {
      return readValue(value, shardCount, store, cache);
    } catch (error) {
      if (!(error instanceof DamagedInputsError)) throw error;
      damaged.push(...error.digests);
      return null;
    }
  };
  for (const input of task.inputs) {
    const access = stage.in[input.port]?.access;
    if ('one' in input && access === 'stream') {
      inputs[input.port] = streamOf(input.one, read);
    } else if ('one' in input && access !== undefined) {
      const { digests } = input.one;
      try {
        inputs[input.port] =
          access === 'labels'
            ? readStoredLabels(digests, store)
            : openStoredRows(digests, store, { onDamage: (found) => damaged.push(...found) });
      } catch (error) {
        if (!(error instanceof DamagedInputsError)) throw error;
        damaged.push(...error.digests);
      }
    } else if ('one' in input) {
      const value = read(input.one);
      if (value !== null) inputs[input.port] = value;
    } else {
      inputs[input.port] = input.many.flatMap((item) => {
        const value = read(item);
        return value === null ? [] : [{ axes: item.axes, value }];
      });
    }
  }
  if (damaged.length > 0) throw new DamagedInputsError(damaged);
  return { inputs, damaged };
}

/** The objects of an input one after the other. Iterating throws `DamagedInputsError`. */
function streamOf({ digests, kind }: BoundValue, read: ReadInput): Streamed {
  return {
    *[Symbol.iterator]() {
      for (const digest of digests) {
        const value = read({ digests: [digest], skip: 0, kind }, null);
        if (value === null) throw new DamagedInputsError([digest]);
        yield value;
      }
    },
  };
}

/** Returns null for a damaged object. */
type ReadInput = (value: BoundValue, shardCount?: number | null) => Value | null;

function readValue(bound: BoundValue, shardCount: number | null, store: Store, cache: KeptInputs): Value {
  const id = bound.digests.length === 1 ? bound.digests[0]! : bound.digests.join();
  let value = cache.get(id);
  if (value === undefined) {
    let bytes = 0;
    const parts: Value[] = [];
    const damaged: string[] = [];
    const find = (digest: string): Patches => {
      const one: BoundValue = { digests: [digest], skip: 0, kind: 'patches' };
      const patches = readValue(one, null, store, cache) as Patches;
      bytes += storedBytes(patches);
      return patches;
    };
    for (const digest of bound.digests) {
      // The parts of a long list are not cached one by one, because the whole list is.
      const known = cache.get(digest);
      try {
        if (known === undefined) {
          const object = inPhase('read', () => store.readObject(digest));
          bytes += object.length;
          const part = inPhase('codec', () => decodeObject(bound.kind, { digest, bytes: object }, find));
          if (part.kind === 'patches') rememberPatches(part, { digest, bytes: object.length });
          parts.push(part);
        } else parts.push(known);
      } catch (error) {
        if (!(error instanceof DamagedObjectError)) throw error;
        damaged.push(digest);
      }
    }
    if (damaged.length > 0) throw new DamagedInputsError(damaged);
    value =
      parts.length === 1 ? parts[0]! : inPhase('codec', () => concatValues(parts.filter(isPerImageValue)));
    cache.set(id, value, bytes);
  }
  if (shardCount === null || !isPerImageValue(value) || (bound.skip === 0 && countOf(value) === shardCount))
    return value;
  return sliceValue(value, bound.skip, shardCount);
}

/** Encodes outputs and writes their objects. Images of a whole unit are cut into parts of `task.chunk`. */
export async function writeOutputs(
  stage: Stage,
  task: Task,
  outputs: Readonly<Record<string, Value>>,
  store: Store,
): Promise<Outputs> {
  const written: Record<string, OutputPart[]> = {};
  for (const port of Object.keys(stage.out)) {
    const value = outputs[port];
    if (value === undefined) continue;
    const parts: OutputPart[] = [];
    const write = async (part: Value, images: number): Promise<void> => {
      const needs: StoredObject[] = [];
      const keep = (patches: Patches): string => {
        const object = inPhase('write', () => storePatches(patches, store));
        needs.push(object);
        return object.digest;
      };
      const bytes = inPhase('codec', () => encodeValue(part, { keep }));
      const digest = await whileAwaiting('write', () => store.writeNewObject(bytes));
      parts.push({ digest, bytes: bytes.length, images, ...(needs.length > 0 && { needs }) });
    };
    if (!isPerImageValue(value)) await write(value, 0);
    else {
      const count = countOf(value);
      const chunk = task.shard === null ? (task.chunk ?? count) : count;
      if (count <= chunk) await write(value, count);
      else {
        for (let first = 0; first < count; first += chunk) {
          const images = Math.min(chunk, count - first);
          await write(sliceValue(value, first, images), images);
        }
      }
    }
    written[port] = parts;
  }
  return written;
}
