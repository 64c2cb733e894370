import type { Classifier } from '../models/classifier.ts';
import { gather, runActiveSet } from './active-set.ts';
import type { Attack, PreparedAttack } from './attack.ts';
import { chooseGoal, type Goal, type GoalOptions } from './goal.ts';
import { type AttackHooks, type AttackInput, batchCapacity, imageSize, takeRows } from './images.ts';
import { argmaxRows, isFiniteRow, marginOf, queryGradient } from './query.ts';

export interface CarliniWagnerOptions extends Pick<GoalOptions, 'seed' | 'targeted'> {
  /** Margin that the logits must reach, κ ≥ 0. */
  readonly kappa: number;
  /** Weight λ of the logits' term; the first one, where it is searched. */
  readonly lambda: number;
  readonly steps: number;
  readonly learningRate: number;
  /** Minimise over the pixels, clipped after each step, or over w with x′ = (tanh w + 1) / 2. */
  readonly variable: 'clip' | 'tanh';
  /** Factor on the pixels in [−1, 1] before arctanh: below 1 keeps w finite at black and white. */
  readonly shrink: number;
  /** Values of λ to try for each image: grown tenfold until one succeeds, then bisected. 1 tries the given one. */
  readonly searchSteps: number;
  /** Ends an image whose loss is above this share of what it was a tenth of the steps ago; no end where absent. */
  readonly stopAbove?: number;
  /** The adversarial image nearest to the original among all steps, or the last step. */
  readonly keep: 'best' | 'last';
  /** Where no step was adversarial: the last one, or the original. */
  readonly otherwise: 'last' | 'original';
}

/**
 * Carlini and Wagner's L2 attack (2017; Guo et al. 2018, section 3): minimises ‖x′ − x‖² + λ max(−κ, Z(x′)_y − max_{k≠y} Z(x′)_k) by Adam. The
 * knob multiplies the perturbation that was found, so the optimisation runs once for all strengths. Images that are misclassified from the
 * start are left alone: their gradient is zero.
 */
export function carliniWagner(options: CarliniWagnerOptions): Attack {
  return {
    search: { guess: 1, maximum: 1e4, refinements: 60, pilot: 0 },
    prepare: async (classifier, images, hooks) => {
      const goal = await chooseGoal(classifier, images, { ...options, loss: 'margin' }, hooks);
      return minimise(classifier, images, goal, options, hooks);
    },
  };
}

/** Adam's decay rates and floor (Kingma and Ba 2015). */
const beta1 = 0.9;
const beta2 = 0.999;
const floor = 1e-8;

/** The state of the image in one slot, beside its pixels. */
interface Run {
  readonly row: number;
  steps: number;
  searches: number;
  lambda: number;
  lower: number;
  upper: number;
  /** Whether any step with this λ was adversarial. */
  succeeded: boolean;
  /** ‖x′ − x‖² of the best image so far. */
  bestSquares: number;
  lastLoss: number;
}

async function minimise(
  classifier: Classifier,
  images: AttackInput,
  goal: Goal,
  options: CarliniWagnerOptions,
  hooks: AttackHooks,
): Promise<PreparedAttack> {
  const { kappa, steps, learningRate, variable, searchSteps, stopAbove, keep } = options;
  const rows = images.shape[0];
  const size = imageSize(images.shape);
  const capacity = Math.min(rows, batchCapacity(size));
  const initial = new Int32Array(rows);
  const settled = new Uint8Array(rows);
  const direction = new Float32Array(images.pixels.length);
  let zeroGradients = 0;

  const runs: Run[] = [];
  /** x′, or w where x′ is its tanh. */
  const current = new Float32Array(capacity * size);
  const mean = new Float32Array(capacity * size);
  const variance = new Float32Array(capacity * size);
  const best = new Float32Array(capacity * size);
  const checkEvery = Math.ceil(steps / 10);

  const restart = (slot: number): void => {
    const from = runs[slot]!.row * size;
    for (let offset = 0; offset < size; offset++) {
      const pixel = images.pixels[from + offset]!;
      current[slot * size + offset] =
        variable === 'clip' ? pixel : Math.atanh((2 * pixel - 1) * options.shrink);
    }
    mean.fill(0, slot * size, (slot + 1) * size);
    variance.fill(0, slot * size, (slot + 1) * size);
    Object.assign(runs[slot]!, { steps: 0, succeeded: false, lastLoss: Infinity });
  };
  const pixelsOf = (values: Float32Array): Float32Array =>
    variable === 'clip' ? values : values.map(sigmoid);
  const leave = (slot: number): void => {
    const { row, bestSquares } = runs[slot]!;
    const some = slot * size;
    const ended = pixelsOf(current.subarray(some, some + size));
    const kept = keep === 'best' && bestSquares < Infinity ? best.subarray(some, some + size) : ended;
    if (keep === 'best' && bestSquares === Infinity && options.otherwise === 'original') return;
    for (let offset = 0; offset < size; offset++) {
      direction[row * size + offset] = kept[offset]! - images.pixels[row * size + offset]!;
    }
  };

  await runActiveSet(
    rows,
    capacity,
    {
      enter: (slot, row) => {
        runs[slot] = {
          row,
          steps: 0,
          searches: 0,
          lambda: options.lambda,
          lower: 0,
          upper: Infinity,
          succeeded: false,
          bestSquares: Infinity,
          lastLoss: Infinity,
        };
        restart(slot);
      },
      step: async (slots) => {
        const some = Array.from(slots, (slot) => runs[slot]!.row);
        const batch = {
          ...takeRows(images, some),
          pixels: pixelsOf(gather(current, slots, size)),
          labels: Int32Array.from(some, (row) => goal.labels[row]!),
        };
        const { gradient, logits } = await queryGradient(classifier, batch, 'margin');
        const predicted = argmaxRows(logits, classifier.classes);
        return slots.filter((slot, position) => {
          const run = runs[slot]!;
          const at = position * size;
          const label = batch.labels[position]!;
          const first = run.steps === 0 && run.searches === 0;
          if (first) initial[run.row] = predicted[position]!;
          if (!isFiniteRow(logits, classifier.classes, position)) {
            if (first) settled[run.row] = 2;
            else leave(slot);
            return true;
          }
          // Z_y − max Z_k, or its negative towards a target: above −κ there is work to do.
          const excess = -goal.sign * marginOf(logits, classifier.classes, position, label);
          const adversarial = (predicted[position] === label) === goal.sign < 0 && excess <= -kappa;
          if (first && adversarial) {
            settled[run.row] = 1;
            return true;
          }
          if (first && isZero(gradient, at, size)) {
            zeroGradients++;
            return true;
          }
          const squares = squaredDistance(images.pixels, run.row * size, batch.pixels, at, size);
          if (adversarial) {
            run.succeeded = true;
            if (squares < run.bestSquares) {
              run.bestSquares = squares;
              best.set(batch.pixels.subarray(at, at + size), slot * size);
            }
          }
          const weight = excess > -kappa ? -goal.sign * run.lambda : 0;
          advance(slot, at, batch.pixels, gradient, weight);
          const loss = squares + run.lambda * Math.max(excess + kappa, 0);
          let ended = run.steps === steps;
          if (stopAbove !== undefined && (run.steps - 1) % checkEvery === 0) {
            ended ||= !(loss <= stopAbove * run.lastLoss);
            run.lastLoss = loss;
          }
          if (!ended) return false;
          if (++run.searches < searchSteps) {
            nextLambda(run);
            restart(slot);
            return false;
          }
          leave(slot);
          return true;
        });
      },
    },
    hooks,
  );
  return { initial, settled, zeroGradients, direction };

  /** One step of Adam on 2 (x′ − x) + weight · gradient, for the image at `at` of the batch. */
  function advance(
    slot: number,
    at: number,
    pixels: Float32Array,
    gradient: Float32Array,
    weight: number,
  ): void {
    const run = runs[slot]!;
    run.steps++;
    const from = run.row * size;
    const rate = (learningRate * Math.sqrt(1 - beta2 ** run.steps)) / (1 - beta1 ** run.steps);
    const scaledFloor = floor * Math.sqrt(1 - beta2 ** run.steps);
    for (let offset = 0; offset < size; offset++) {
      const index = slot * size + offset;
      const pixel = pixels[at + offset]!;
      let slope = 2 * (pixel - images.pixels[from + offset]!) + weight * gradient[at + offset]!;
      // d/dw (tanh w + 1) / 2 = 2 x′ (1 − x′).
      if (variable === 'tanh') slope *= 2 * pixel * (1 - pixel);
      const m = beta1 * mean[index]! + (1 - beta1) * slope;
      const v = beta2 * variance[index]! + (1 - beta2) * slope * slope;
      mean[index] = m;
      variance[index] = v;
      const moved = current[index]! - (rate * m) / (Math.sqrt(v) + scaledFloor);
      current[index] = variable === 'clip' ? Math.min(1, Math.max(0, moved)) : moved;
    }
  }
}

/** Tenfold until a λ succeeds, then the middle between the largest that failed and the smallest that succeeded. */
function nextLambda(run: Run): void {
  if (run.succeeded) run.upper = run.lambda;
  else run.lower = run.lambda;
  run.lambda = run.upper === Infinity ? run.lambda * 10 : (run.lower + run.upper) / 2;
}

/** (tanh w + 1) / 2. */
function sigmoid(w: number): number {
  return 1 / (1 + Math.exp(-2 * w));
}

function squaredDistance(
  originals: Float32Array,
  from: number,
  pixels: Float32Array,
  at: number,
  size: number,
): number {
  let sum = 0;
  for (let offset = 0; offset < size; offset++) {
    const difference = pixels[at + offset]! - originals[from + offset]!;
    sum += difference * difference;
  }
  return sum;
}

function isZero(values: Float32Array, first: number, count: number): boolean {
  for (let at = first; at < first + count; at++) if (values[at] !== 0) return false;
  return true;
}
