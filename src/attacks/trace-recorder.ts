import { argmaxRows } from '../metrics/classification.ts';
import { type Trace, unknownClass } from '../values/trace.ts';
import { type AttackHooks, batchesOf, type ImageBatch, imageSize, sliceRows } from './images.ts';
import { isFiniteRow, marginOf } from './logits.ts';
import { type LossName, lossValue } from './loss-values.ts';
import { distanceBetween, type Measure } from './norms.ts';
import type { Queries } from './queries.ts';

/** How the points of an attack are measured and judged. */
export interface TracedGoal {
  /** Norm of the distances. */
  readonly norm: Measure;
  /** The loss that the attack climbs, or for a targeted attack descends. */
  readonly loss: LossName;
  /** True labels or targets of all images, `[n]`. */
  readonly labels: Int32Array;
  /** 1 to move away from the labels, −1 to move towards them. */
  readonly sign: 1 | -1;
}

/** Takes the points that an attack visits, for one goal. */
export interface PointRecorder {
  /** The image `row` is at `point`, whose logits are row `position` of `logits`. */
  readonly visit: (
    row: number,
    point: Float32Array,
    logits: Float32Array,
    position: number,
    more?: VisitOptions,
  ) => void;
  /** The image `row` is at `point`, which reaches the goal; the attack does not see the logits. */
  readonly reach: (row: number, point: Float32Array) => void;
}

export interface VisitOptions {
  /** The value of the loss, if the attack has computed it. */
  readonly loss?: number;
  /**
   * Whether the logits are those of another point (a look-ahead), or the point cannot be the result (it is outside the
   * ball): its class then counts as unknown.
   */
  readonly isElsewhere?: boolean;
}

/** Most entries of an image. When there are more, every second one is dropped. */
export const mostEntries = 500;

interface Entry {
  readonly step: number;
  readonly loss: number;
  readonly margin: number;
  readonly distance: number;
  readonly bestLoss: number;
  readonly bestDistance: number;
  readonly reached: number;
}

/** A point without its place among the others. */
interface Visited {
  readonly loss: number;
  readonly margin: number;
  readonly reached: number;
  readonly distance: () => number;
}

/**
 * Records the course of an attack on some images. An attack finds it in its problem if `trace: true` asks for one, and hands
 * over each point as it learns of its logits; it makes no query for that. Everything is kept by row, so neither the batch nor
 * its order matters. Points that a limit has refused are left out.
 */
export class TraceRecorder {
  readonly #images: ImageBatch;
  #goal: TracedGoal;
  #rows: RowTrace[];
  /** The rows as they were before the first strength. */
  #prepared: readonly RowTrace[] = [];

  constructor(images: ImageBatch) {
    this.#images = images;
    this.#goal = { norm: 'linf', loss: 'cross-entropy', labels: images.labels, sign: 1 };
    this.#rows = Array.from(images.labels, () => new RowTrace());
  }

  /** Starts to record points towards a goal; the result is judged by the latest goal. */
  follow({ classes, isSpent }: Pick<Queries, 'classes' | 'isSpent'>, goal: TracedGoal): PointRecorder {
    this.#goal = goal;
    const { ids } = this.#images;
    return {
      visit: (row, point, logits, position, more = {}) => {
        if (isSpent?.(ids[row]!) === true) return;
        const { loss = this.#lossOf(row, logits, classes, position), isElsewhere = false } = more;
        const isReached = this.#isReached(row, logits, classes, position);
        this.#rows[row]!.add({
          loss,
          margin: goal.sign * marginOf(logits, classes, position, goal.labels[row]!),
          reached: isElsewhere ? unknownClass : isReached ? 1 : 0,
          distance: () => this.#distanceOf(row, point),
        });
      },
      reach: (row, point) => {
        if (isSpent?.(ids[row]!) === true) return;
        this.#rows[row]!.add({
          loss: NaN,
          margin: NaN,
          reached: 1,
          distance: () => this.#distanceOf(row, point),
        });
      },
    };
  }

  /** Keeps what has been recorded so far as the beginning of the course at every strength. */
  markPrepared(): void {
    this.#prepared = this.#rows.map((row) => row.copy());
  }

  /** Forgets the course of some rows at the strength before. */
  restart(rows: Int32Array): void {
    for (const row of rows) this.#rows[row] = this.#prepared[row]?.copy() ?? new RowTrace();
  }

  /** Adds the results `[n, height, width, channels]`, which it classifies, and returns the trace. */
  async finish(queries: Queries, results: Float32Array, hooks: AttackHooks): Promise<Trace> {
    const { classes } = queries;
    const images = { ...this.#images, pixels: results };
    const size = imageSize(images.shape);
    for (const [first, end] of batchesOf(images.shape[0], size, hooks)) {
      const logits = await queries.logits(sliceRows(images, first, end));
      for (let row = first; row < end; row++) {
        const at = row - first;
        this.#rows[row]!.end({
          loss: this.#lossOf(row, logits, classes, at),
          margin: this.#goal.sign * marginOf(logits, classes, at, this.#goal.labels[row]!),
          reached: this.#isReached(row, logits, classes, at) ? 1 : 0,
          distance: () => this.#distanceOf(row, results.subarray(row * size, (row + 1) * size)),
        });
      }
    }
    return this.#toArrays();
  }

  /** In the direction of the goal. `targeted-dlr` is that of the most likely wrong class. */
  #lossOf(row: number, logits: Float32Array, classes: number, position: number): number {
    const { loss, labels, sign } = this.#goal;
    const label = labels[row]!;
    const target = loss === 'targeted-dlr' ? rivalOf(logits, classes, position, label) : 0;
    return sign * lossValue(loss, logits, classes, position, label, target);
  }

  #isReached(row: number, logits: Float32Array, classes: number, position: number): boolean {
    if (!isFiniteRow(logits, classes, position)) return false;
    const [predicted] = argmaxRows(logits.subarray(position * classes, (position + 1) * classes), classes);
    return (predicted === this.#goal.labels[row]) === this.#goal.sign < 0;
  }

  #distanceOf(row: number, point: Float32Array): number {
    const size = imageSize(this.#images.shape);
    const original = this.#images.pixels.subarray(row * size, (row + 1) * size);
    return distanceBetween(original, point, this.#goal.norm);
  }

  #toArrays(): Trace {
    const entries = this.#rows.flatMap((row) => row.entries);
    return {
      norm: this.#goal.norm,
      loss: this.#goal.loss,
      lengths: Int32Array.from(this.#rows, (row) => row.entries.length),
      steps: Int32Array.from(entries, ({ step }) => step),
      losses: Float32Array.from(entries, ({ loss }) => loss),
      margins: Float32Array.from(entries, ({ margin }) => margin),
      distances: Float32Array.from(entries, ({ distance }) => distance),
      bestLosses: Float32Array.from(entries, ({ bestLoss }) => bestLoss),
      bestDistances: Float32Array.from(entries, ({ bestDistance }) => bestDistance),
      reached: Uint8Array.from(entries, ({ reached }) => reached),
    };
  }
}

/** The course of one image: at most `mostEntries` entries, at steps that are multiples of a power of two, and the result. */
class RowTrace {
  entries: Entry[] = [];
  #visits = 0;
  #stride = 1;
  #bestLoss = -Infinity;
  #bestDistance = Infinity;

  copy(): RowTrace {
    const copy = new RowTrace();
    copy.entries = this.entries.slice();
    copy.#visits = this.#visits;
    copy.#stride = this.#stride;
    copy.#bestLoss = this.#bestLoss;
    copy.#bestDistance = this.#bestDistance;
    return copy;
  }

  add(visited: Visited): void {
    const isKept = this.#visits % this.#stride === 0;
    const entry = this.#entryOf(visited, isKept);
    this.#visits++;
    if (!isKept) return;
    this.entries.push(entry);
    if (this.entries.length <= mostEntries) return;
    this.#stride *= 2;
    this.entries = this.entries.filter(({ step }) => step % this.#stride === 0);
  }

  /** Adds the result, one step after the last point. */
  end(visited: Visited): void {
    this.entries.push(this.#entryOf(visited, true));
  }

  /** Updates the best values so far. The distance is computed only if it is needed. */
  #entryOf({ loss, margin, reached, distance }: Visited, isKept: boolean): Entry {
    const length = isKept || reached === 1 ? distance() : NaN;
    if (reached !== unknownClass && loss > this.#bestLoss) this.#bestLoss = loss;
    if (reached === 1 && length < this.#bestDistance) this.#bestDistance = length;
    return {
      step: this.#visits,
      loss,
      margin,
      distance: length,
      bestLoss: this.#bestLoss,
      bestDistance: this.#bestDistance,
      reached,
    };
  }
}

/** The class with the largest logit beside the label. */
function rivalOf(logits: Float32Array, classes: number, row: number, label: number): number {
  let rival = label === 0 ? 1 : 0;
  for (let k = 0; k < classes; k++)
    if (k !== label && logits[row * classes + k]! > logits[row * classes + rival]!) rival = k;
  return rival;
}
