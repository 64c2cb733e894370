import { type RandomStream, randomStream, type Seed } from '../tensors/random.ts';
import { gather, runActiveSet } from './active-set.ts';
import type { Attack } from './attack.ts';
import { startStream } from './goal.ts';
import { batchCapacity, imageSize, takeRows } from './images.ts';
import { marginOf, misclassifiedRows } from './logits.ts';
import type { DistanceNorm } from './norms.ts';
import { type AttackProblem, classifyOriginals, markMisclassified } from './originals.ts';
import { largestRadius } from './projections.ts';
import type { PointRecorder } from './trace-recorder.ts';
import { proposalOf, type ProposalShape, startOf } from './square-proposals.ts';

export interface SquareOptions {
  readonly norm: DistanceNorm;
  /** Most points of an image that are classified in a run, the start included. */
  readonly queries: number;
  /** Share of the pixels that the first squares change; 0.8 in AutoAttack. */
  readonly initialShare: number;
  /** Whether the squares shrink in proportion to the budget, instead of as for 10,000 queries. */
  readonly rescaled?: boolean;
  /** Number of runs from different starts; only images that withstood all earlier runs are run again. */
  readonly restarts: number;
  readonly seed: Seed;
  /** Called with each point that an image visits: its margin, and the largest so far. */
  readonly watch?: (row: number, margin: number, bestMargin: number) => void;
}

/**
 * Square (Andriushchenko, Croce, Flammarion and Hein 2020, "Square Attack: a query-efficient black-box adversarial
 * attack via random search"; in L1 as in Croce and Hein 2021, "Mind the box"): random search in the L∞, L2 or L1 ball, whose radius is the strength, that changes one
 * random square of the best point and keeps what raises the margin max_{k≠y} Z_k − Z_y. It asks for logits only, so
 * it needs no gradient. The squares shrink with the number of queries as in the paper (for 10,000 queries, whatever
 * the budget, as in AutoAttack, unless they are `rescaled`). An image ends as soon as it is misclassified; one that is misclassified already is
 * left unchanged.
 */
export function square(options: SquareOptions): Attack {
  const { norm } = options;
  return {
    kind: 'iterated',
    maximum: largestRadius(norm),
    norm,
    prepare: async (problem) => {
      await classifyOriginals(problem);
      markMisclassified(problem);
      return { perturb: (rows, radii) => squareRuns(problem, rows, radii, options) };
    },
  };
}

/** The runs of Square one after another. */
export async function squareRuns(
  problem: AttackProblem,
  rows: Int32Array,
  radii: Float64Array,
  options: SquareOptions,
): Promise<Float32Array> {
  const size = imageSize(problem.images.shape);
  const result = takeRows(problem.images, rows).pixels;
  const nearest = new Float64Array(rows.length).fill(-Infinity);
  /** Indices into `rows` of the images that have withstood all runs so far. */
  let left = Int32Array.from(rows.keys());
  for (let run = 0; run < options.restarts && left.length > 0; run++) {
    const some = left.map((index) => rows[index]!);
    const within = Float64Array.from(left, (index) => radii[index]!);
    const search = new SquareSearch(problem, some, within, run, options);
    const { pixels, reached, margins } = await search.run();
    left = left.filter((index, position) => {
      if (reached[position] === 1 || margins[position]! > nearest[index]!) {
        nearest[index] = margins[position]!;
        result.set(pixels.subarray(position * size, (position + 1) * size), index * size);
      }
      return reached[position] === 0;
    });
  }
  return result;
}

/** State of the image in one slot; its points are kept separately. */
interface SlotState {
  readonly index: number;
  readonly stream: RandomStream;
  asked: number;
  bestMargin: number;
}

/** One run for some rows. State is kept per slot of the batch. */
class SquareSearch {
  readonly #problem: AttackProblem;
  readonly #rows: Int32Array;
  readonly #radii: Float64Array;
  readonly #run: number;
  readonly #options: SquareOptions;
  readonly #shape: ProposalShape;
  readonly #size: number;
  readonly #capacity: number;
  readonly #slots: SlotState[] = [];
  /** The point to be classified next, and the best one so far. */
  readonly #current: Float32Array;
  readonly #best: Float32Array;
  readonly #points: PointRecorder | undefined;
  readonly #found: { pixels: Float32Array; reached: Uint8Array; margins: Float64Array };

  constructor(
    problem: AttackProblem,
    rows: Int32Array,
    radii: Float64Array,
    run: number,
    options: SquareOptions,
  ) {
    const [, height, width, channels] = problem.images.shape;
    this.#problem = problem;
    this.#rows = rows;
    this.#radii = radii;
    this.#run = run;
    this.#options = options;
    const goal = { norm: options.norm, loss: 'margin', labels: problem.images.labels, sign: 1 } as const;
    this.#points = problem.trace?.follow(problem.queries, goal);
    this.#shape = { height, width, channels };
    this.#size = imageSize(problem.images.shape);
    this.#capacity = Math.min(rows.length, batchCapacity(this.#size, problem.hooks));
    this.#current = new Float32Array(this.#capacity * this.#size);
    this.#best = new Float32Array(this.#capacity * this.#size);
    this.#found = {
      pixels: new Float32Array(rows.length * this.#size),
      reached: new Uint8Array(rows.length),
      margins: new Float64Array(rows.length),
    };
  }

  async run(): Promise<{ pixels: Float32Array; reached: Uint8Array; margins: Float64Array }> {
    const process = {
      enter: (slot: number, index: number) => this.#enter(slot, index),
      step: (slots: Int32Array) => this.#step(slots),
    };
    await runActiveSet(this.#rows.length, this.#capacity, process, this.#problem.hooks);
    return this.#found;
  }

  #enter(slot: number, index: number): void {
    const { seed, norm } = this.#options;
    const row = this.#rows[index]!;
    const stream = randomStream(seed, this.#run, this.#problem.images.ids[row]!, startStream);
    this.#slots[slot] = { index, stream, asked: 0, bestMargin: -Infinity };
    const start = startOf(this.#originalOf(row), this.#shape, this.#radii[index]!, norm, stream);
    this.#current.set(start, slot * this.#size);
  }

  /** Classifies one point of the images in `slots` and returns the slots that are done. */
  async #step(slots: Int32Array): Promise<Int32Array> {
    const { images, queries } = this.#problem;
    const some = slots.map((slot) => this.#rows[this.#slots[slot]!.index]!);
    const batch = { ...takeRows(images, some), pixels: gather(this.#current, slots, this.#size) };
    const logits = await queries.logits(batch);
    const reached = misclassifiedRows(logits, batch.labels, queries.classes);
    return slots.filter((slot, position) => {
      const margin = marginOf(logits, queries.classes, position, batch.labels[position]!);
      if (this.#points !== undefined) {
        const point = batch.pixels.subarray(position * this.#size, (position + 1) * this.#size);
        this.#points.visit(some[position]!, point, logits, position);
      }
      return this.#advance(slot, margin, reached[position]!);
    });
  }

  /** Judges the point of the image in a slot and proposes the next; returns whether the image is done. */
  #advance(slot: number, margin: number, isReached: boolean): boolean {
    const { queries, norm, initialShare, rescaled = false, watch } = this.#options;
    const state = this.#slots[slot]!;
    const row = this.#rows[state.index]!;
    const [first, end] = [slot * this.#size, (slot + 1) * this.#size];
    if (isReached || state.asked === 0 || margin > state.bestMargin) {
      state.bestMargin = margin;
      this.#best.set(this.#current.subarray(first, end), first);
    }
    watch?.(row, margin, state.bestMargin);
    const best = this.#best.subarray(first, end);
    const isSpent = this.#problem.queries.isSpent?.(this.#problem.images.ids[row]!) === true;
    if (isReached || isSpent || ++state.asked === queries) {
      this.#found.pixels.set(best, state.index * this.#size);
      this.#found.reached[state.index] = isReached ? 1 : 0;
      this.#found.margins[state.index] = state.bestMargin;
      return true;
    }
    const share = initialShare * shrinkingAt(state.asked - 1, rescaled ? queries : null);
    const radius = this.#radii[state.index]!;
    const proposal = proposalOf(this.#originalOf(row), best, this.#shape, radius, norm, share, state.stream);
    this.#current.set(proposal, first);
    return false;
  }

  #originalOf(row: number): Float32Array {
    return this.#problem.images.pixels.subarray(row * this.#size, (row + 1) * this.#size);
  }
}

/** Proposals after which the share of a square is halved (section 5 of the paper). */
const halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

/**
 * Factor on the share of the pixels at the proposal of a 0-based index, for 10,000 queries or as if the budget were
 * stretched to them.
 */
export function shrinkingAt(proposal: number, budget: number | null): number {
  const at = budget === null ? proposal : Math.floor((10_000 * proposal) / budget);
  return 0.5 ** halvings.filter((last) => at > last).length;
}
