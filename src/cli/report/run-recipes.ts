import type { AxisLabel } from '../../dsl/graph.ts';
import type { CommitRecord, OutputPart } from '../../runtime/store/record.ts';
import type { Store } from '../../runtime/store/store.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../values/json.ts';

/** A cell of a run with the records of its shards, as far as the cache still has them. */
export interface RecordedCell {
  readonly cell: string;
  readonly stage: string;
  readonly uses: string;
  readonly axes: Readonly<Record<string, AxisLabel>>;
  /** Whether it is a part of a cell that the pipeline declares. */
  readonly isPart: boolean;
  /** Number of its units, if it has finished. */
  readonly units: number;
  readonly records: readonly CommitRecord[];
}

/** Reads the records of the finished cells of a run. */
export function readRecords(store: Store, keys: readonly string[]): readonly CommitRecord[] {
  return keys.flatMap((key) => {
    const record = store.peekRecord(key);
    return record === null ? [] : [record];
  });
}

/**
 * Which cell of a run made what another one read: recipes name their inputs by digest, and the records of the run say which cell made
 * an object with that digest.
 */
export class RunRecipes {
  readonly #makers = new Map<string, RecordedCell[]>();
  readonly #predictions = new Map<string, RecordedCell>();
  /** The first object of defended images, by the first of the images that the defense read and its recipe. */
  readonly #defended = new Map<string, string>();
  readonly #places = new Map<RecordedCell, number>();

  /** The cells come in the order of the plan: each after those that it reads. */
  constructor(cells: readonly RecordedCell[]) {
    for (const [place, cell] of cells.entries()) {
      this.#places.set(cell, place);
      this.#addDefended(cell);
      this.#addPrediction(cell);
      const [first] = cell.records;
      for (const parts of Object.values(first?.outputs ?? {})) {
        const digest = parts[0]?.digest;
        if (digest === undefined) continue;
        const makers = this.#makers.get(digest) ?? [];
        makers.push(cell);
        this.#makers.set(digest, makers);
      }
    }
  }

  /**
   * The first cell of the pipeline that classifies the images with this first object as they are, or makes the same images of
   * others by a defense that it applies itself.
   */
  predictionOf(digest: string): RecordedCell | undefined {
    return this.#predictions.get(digest);
  }

  #placeOf(cell: RecordedCell): number {
    return this.#places.get(cell) ?? Infinity;
  }

  #addDefended(cell: RecordedCell): void {
    const [images] = firstDigests(recipeOf(cell)?.['inputs'], 'images');
    const [recipe] = partsOf(cell, 'transform');
    const [made] = partsOf(cell, 'images');
    if (images === undefined || recipe === undefined || made === undefined) return;
    this.#defended.set(`${images} ${recipe.digest}`, made.digest);
  }

  #addPrediction(cell: RecordedCell): void {
    if (partsOf(cell, 'predictions').length === 0) return;
    const inputs = recipeOf(cell)?.['inputs'];
    const [images] = firstDigests(inputs, 'images');
    const [recipe] = firstDigests(inputs, 'transform');
    const classified = recipe === undefined ? images : this.#defended.get(`${images} ${recipe}`);
    if (classified !== undefined && !this.#predictions.has(classified))
      this.#predictions.set(classified, cell);
  }

  /** The cells whose outputs a cell reads at a port, in the order of the input. */
  sources(cell: RecordedCell, port: string): readonly RecordedCell[] {
    return firstDigests(recipeOf(cell)?.['inputs'], port).flatMap((digest) => {
      // A cell may make what it reads, such as the defense none. The one that it reads comes before it.
      const made = (this.#makers.get(digest) ?? []).filter(
        (maker) => this.#placeOf(maker) < this.#placeOf(cell),
      );
      // Equal results may come from several cells, such as attacks of strength 0: the one with the labels of the reader is meant.
      const maker = made.toSorted((one, other) => agreement(other, cell) - agreement(one, cell))[0];
      return maker === undefined ? [] : [maker];
    });
  }
}

/** The recipe of the first shard of a cell; null if its record is gone. */
export function recipeOf({ records }: RecordedCell): JsonObject | null {
  return records[0]?.preimage ?? null;
}

export function readsPort(cell: RecordedCell, port: string): boolean {
  return firstDigests(recipeOf(cell)?.['inputs'], port).length > 0;
}

/** The parameters of a cell by its recipe. */
export function parametersOf(cell: RecordedCell): JsonObject {
  const given = recipeOf(cell)?.['with'];
  return isJsonObject(given) ? given : {};
}

/** The first object of each value that is read at a port. */
function firstDigests(inputs: Json | undefined, port: string): readonly string[] {
  return valuesAt(inputs, port).flatMap(({ digests }) => digests.slice(0, 1));
}

/** A value that a cell reads: its objects in order, and its labels if it is one of a list. */
export interface InputValue {
  readonly axes: Readonly<Record<string, AxisLabel>>;
  readonly digests: readonly string[];
}

/** The values that a cell reads at a port, by the recipe of its first shard. */
export function inputValues(cell: RecordedCell, port: string): readonly InputValue[] {
  return valuesAt(recipeOf(cell)?.['inputs'], port);
}

function valuesAt(inputs: Json | undefined, port: string): readonly InputValue[] {
  const input = isJsonObject(inputs) ? inputs[port] : undefined;
  if (input === undefined || !isJsonArray(input)) return [];
  const texts = (list: Json | undefined): readonly string[] =>
    list !== undefined && isJsonArray(list) ? list.filter((item) => typeof item === 'string') : [];
  if (typeof input[0] === 'string') return [{ axes: {}, digests: texts(input) }];
  return input.flatMap((item) => {
    if (!isJsonObject(item)) return [];
    const axes = isJsonObject(item['axes']) ? item['axes'] : {};
    const labels = Object.entries(axes).filter(
      (entry): entry is [string, AxisLabel] => typeof entry[1] !== 'object',
    );
    return [{ axes: Object.fromEntries(labels), digests: texts(item['digests']) }];
  });
}

/** Labels that two cells share, less those in which they differ. */
function agreement(one: RecordedCell, other: RecordedCell): number {
  return Object.entries(one.axes).reduce((sum, [axis, label]) => {
    const counterpart = other.axes[axis];
    return counterpart === undefined ? sum : sum + (counterpart === label ? 1 : -1);
  }, 0);
}

/** The parts of an output in all records. */
export function partsOf(cell: RecordedCell, port: string): readonly OutputPart[] {
  return cell.records.flatMap(({ outputs }) => outputs[port] ?? []);
}
