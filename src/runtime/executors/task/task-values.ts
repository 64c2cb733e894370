import type { RecentCache } from '../../../values/recent-cache.ts';
import { decodeValue, encodeValue } from '../../../values/codec.ts';
import { concatValues, countOf, sliceValue } from '../../../values/slices.ts';
import type { PerImage } from '../../../values/slices.ts';
import type { Patches } from '../../../values/patches.ts';
import type { PortKind, Value } from '../../../values/value.ts';
import type { Task } from '../../executor.ts';
import { StageError } from '../../stage.ts';
import type { Collected, Stage } from '../../stage.ts';
import { DamagedObjectError } from '../../store/errors.ts';
import type { OutputPart, Outputs, StoredObject } from '../../store/record.ts';
import type { Store } from '../../store/store.ts';
import type { BoundValue } from '../../plan/units.ts';
import { rememberPatches, storedBytes, storePatches } from './stored-patches.ts';

/** Objects of inputs cannot be read. The units that made them have to be computed again. */
export class DamagedInputsError extends Error {
  override readonly name = 'DamagedInputsError';
  readonly digests: readonly string[];
  constructor(digests: readonly string[]) {
    super(`${digests.length} input objects are missing or damaged`);
    this.digests = digests;
  }
}

/**
 * Reads, verifies and decodes all inputs of a task, cut to its shard. Throws
 * `DamagedInputsError` with all damaged objects.
 */
export function readInputs(
  task: Task,
  store: Store,
  cache: RecentCache<Value>,
): Record<string, Value | Collected[]> {
  const inputs: Record<string, Value | Collected[]> = {};
  const damaged: string[] = [];
  const read = (value: BoundValue): Value | null => {
    try {
      return readValue(value, task.shard?.count ?? null, store, cache);
    } catch (error) {
      if (!(error instanceof DamagedInputsError)) throw error;
      damaged.push(...error.digests);
      return null;
    }
  };
  for (const input of task.inputs) {
    if ('one' in input) {
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
  return inputs;
}

function readValue(
  bound: BoundValue,
  shardCount: number | null,
  store: Store,
  cache: RecentCache<Value>,
): Value {
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
        const object = known === undefined ? store.readObject(digest) : null;
        bytes += object?.length ?? 0;
        const part = known ?? decodeValue(bound.kind, object!, { find });
        if (part.kind === 'patches' && object !== null)
          rememberPatches(part, { digest, bytes: object.length });
        parts.push(part);
      } catch (error) {
        if (!(error instanceof DamagedObjectError)) throw error;
        damaged.push(digest);
      }
    }
    if (damaged.length > 0) throw new DamagedInputsError(damaged);
    value = parts.length === 1 ? parts[0]! : concatValues(parts.filter(isPerImage));
    cache.set(id, value, bytes);
  }
  if (shardCount === null || !isPerImage(value) || (bound.skip === 0 && countOf(value) === shardCount))
    return value;
  return sliceValue(value, bound.skip, shardCount);
}

function isPerImage(value: Value): value is PerImage {
  return value.kind === 'images' || value.kind === 'predictions';
}

/** Checks what a stage returned against its declaration: ports, kinds, number of images, finite numbers. */
export function checkOutputs(stage: Stage, task: Task, outputs: Readonly<Record<string, Value>>): void {
  for (const port of Object.keys(outputs)) {
    if (stage.out[port] === undefined)
      throw new Error(`${stage.uses} returned '${port}', which it does not declare`);
  }
  for (const port of Object.keys(stage.out)) {
    const kind: PortKind = stage.out[port]!.kind;
    const value = outputs[port];
    if (value === undefined) {
      if (stage.out[port]!.optional === true && !task.inputs.some((input) => input.port === port)) continue;
      throw new Error(`${stage.uses} did not return its output '${port}'`);
    }
    if (value.kind !== kind)
      throw new Error(`${stage.uses} returned ${value.kind} for '${port}', which is declared ${kind}`);
    if (task.shard !== null && isPerImage(value) && countOf(value) !== task.shard.count) {
      throw new Error(
        `${stage.uses} returned ${countOf(value)} images for '${port}' of a shard of ${task.shard.count}`,
      );
    }
    checkNames(stage, port, value);
    checkFinite(stage.uses, task.cell, port, value);
  }
}

/** Metrics have no other names than the declared ones, because reports were judged by these before the run. */
function checkNames({ uses, out }: Stage, port: string, value: Value): void {
  if (value.kind !== 'metrics') return;
  const { axes, values, valuesWith = {} } = out[port]!;
  const numbers = values?.concat(...Object.values(valuesWith));
  for (const row of value.rows) {
    const axis = axes && Object.keys(row.axes).find((name) => !axes.includes(name));
    const number = numbers && Object.keys(row.values).find((name) => !numbers.includes(name));
    if (axis === undefined && number === undefined) continue;
    const what = axis === undefined ? `the number '${number!}'` : `the axis '${axis}'`;
    throw new Error(`${uses} returned ${what} in '${port}', which it does not declare`);
  }
  if (axes?.length === 0 && value.rows.length !== 1)
    throw new Error(
      `${uses} returned ${value.rows.length} rows in '${port}', which is declared to be one row`,
    );
}

function checkFinite(uses: string, cell: string, port: string, value: Value): void {
  const complain = (what: string): never => {
    throw new StageError(`${uses} produced ${what} that are not finite (output '${port}' of ${cell})`, {
      fix: 'check its inputs for NaN, and try a smaller learning rate or strength',
    });
  };
  if (value.kind === 'images' && value.pixels instanceof Float32Array && !allFinite(value.pixels))
    complain('pixels');
  if (value.kind === 'predictions' && !allFinite(value.probabilities)) complain('probabilities');
  if (value.kind === 'model') {
    for (const weights of Object.values(value.weights)) if (!allFinite(weights.data)) complain('weights');
  }
}

function allFinite(values: Float32Array): boolean {
  // x − x is 0 for finite x and NaN for the rest, which takes one addition a value instead of a call.
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index]! - values[index]!;
  return sum === 0;
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
        const object = storePatches(patches, store);
        needs.push(object);
        return object.digest;
      };
      const bytes = encodeValue(part, { keep });
      const digest = await store.writeNewObject(bytes);
      parts.push({ digest, bytes: bytes.length, images, ...(needs.length > 0 && { needs }) });
    };
    if (!isPerImage(value)) await write(value, 0);
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
