import { randomStream, type Seed } from '../tensors/random.ts';
import { ApgdSteps } from './apgd-run.ts';
import type { ApgdFound, ApgdRun, ApgdStep } from './apgd-state.ts';
import type { Attack } from './attack.ts';
import { mostLikely } from './candidate-classes.ts';
import { startStream } from './goal.ts';
import { imageSize, takeRows } from './images.ts';
import { projectOntoBallInBox } from './l1-box.ts';
import { type LossName, requireClasses } from './loss-values.ts';
import type { DistanceNorm } from './norms.ts';
import { apgdOnDevice } from './on-device/apgd-steps.ts';
import { deviceForm } from './on-device/device-queries.ts';
import { type AttackProblem, classifyOriginals, markMisclassified } from './originals.ts';
import { largestRadius } from './projections.ts';
import { jumpIntoL1Ball, jumpToSphere } from './random-start.ts';

export interface ApgdOptions {
  readonly norm: DistanceNorm;
  readonly loss: LossName;
  readonly steps: number;
  /** Number of runs from different starts, for each target if there are any. */
  readonly restarts: number;
  /** Number of targets of `targeted-dlr`: the most likely wrong classes at the original, one after another. */
  readonly targets: number;
  /**
   * Ends an image as soon as it is misclassified, and runs only images again that withstood all earlier runs.
   * Otherwise the result is the point with the highest loss of all runs, or for several targets with the largest
   * margin.
   */
  readonly stopEarly: boolean;
  /**
   * In L1: spends 30 % of the steps in a ball of three times the radius and 30 % in one of twice the radius, each time
   * going on from the best point, as AutoAttack does.
   */
  readonly largerEpsilons?: boolean;
  readonly seed: Seed;
  /** Called at every point that an image visits. */
  readonly watch?: (step: ApgdStep) => void;
}

/**
 * Auto-PGD (Croce and Hein 2020, algorithm 1, "Reliable evaluation of adversarial robustness with an ensemble of
 * diverse parameter-free attacks"): ascent with momentum in the L∞ or L2 ball, whose radius is the strength, from a
 * random point of its surface. The step is 2 ε and is halved when the loss stops rising (`StepHalving`), so no step
 * size has to be chosen. In L1 (Croce and Hein 2021, "Mind the box") there is no momentum: sparse steps, whose
 * sparsity and length follow from the best point (`SparsitySchedule`), and the projection onto the ball within the box,
 * from the projection of normal noise. Images that are misclassified already are left unchanged. The result for an image that
 * withstands all runs is the point that came nearest by its margin.
 */
export function apgd(options: ApgdOptions): Attack {
  const { norm } = options;
  return {
    kind: 'iterated',
    maximum: largestRadius(norm),
    norm,
    search: { guess: norm === 'linf' ? 1.2 : 1 },
    prepare: async (problem) => {
      requireClasses(options.loss, problem.queries.classes);
      const logits = await classifyOriginals(problem);
      markMisclassified(problem);
      return {
        perturb: async (rows, radii) => (await apgdRuns(problem, logits, rows, radii, options)).pixels,
      };
    },
  };
}

/** The points that the runs of APGD found; arrays have one entry per row. */
export interface ApgdResult {
  readonly pixels: Float32Array;
  /** 1 for a point that is misclassified; always 0 unless the runs end early. */
  readonly reached: Uint8Array;
}

/** The runs of APGD one after another. `logits` are those of all originals. */
export async function apgdRuns(
  problem: AttackProblem,
  logits: Float32Array,
  rows: Int32Array,
  radii: Float64Array,
  options: ApgdOptions,
): Promise<ApgdResult> {
  const { images, queries } = problem;
  const { restarts, seed, norm, loss, stopEarly } = options;
  const isTargeted = loss === 'targeted-dlr';
  const size = imageSize(images.shape);
  const result = takeRows(images, rows).pixels;
  const nearest = new Float64Array(rows.length).fill(-Infinity);
  const done = new Uint8Array(rows.length);
  const candidates = isTargeted
    ? mostLikely(logits, queries.classes, images.labels, 1 + options.targets)
    : null;
  const width = candidates === null ? 1 : candidates.length / images.labels.length;
  const runs = candidates === null ? restarts : restarts * (width - 1);
  /** Indices into `rows` of the images that have withstood all runs so far. */
  let left = Int32Array.from(rows.keys());
  for (let run = 0; run < runs && left.length > 0; run++) {
    const some = left.map((index) => rows[index]!);
    const within = Float64Array.from(left, (index) => radii[index]!);
    let starts = takeRows(images, some).pixels;
    const phases = phasesOf(options);
    for (const [index, row] of some.entries()) {
      const stream = randomStream(seed, run, images.ids[row]!, startStream);
      const start = starts.subarray(index * size, (index + 1) * size);
      if (norm === 'l1') jumpIntoL1Ball(start, phases[0]!.factor * within[index]!, stream);
      else jumpToSphere(start, within[index]!, norm, stream);
    }
    const rank = 1 + Math.floor(run / restarts);
    const targets = candidates === null ? some : some.map((row) => candidates[row * width + rank]!);
    const common = { ...options, rows: some, continues: phases.length > 1, targets };
    for (const { factor, steps } of phases.slice(0, -1)) {
      const radii = within.map((radius) => factor * radius);
      const run = {
        ...common,
        steps,
        radii,
        starts: intoL1Balls(problem, some, starts, radii),
        stopEarly: false,
        isOutside: true,
      };
      starts = (await runSteps(problem, run)).pixels;
    }
    if (phases.length > 1) starts = intoL1Balls(problem, some, starts, within);
    const { pixels, reached, losses, margins } = await runSteps(problem, {
      ...common,
      steps: phases.at(-1)!.steps,
      radii: within,
      starts,
    });
    left = left.filter((index, position) => {
      const score = stopEarly || isTargeted ? margins[position]! : losses[position]!;
      const isDone = stopEarly && reached[position] === 1;
      if (isDone || score > nearest[index]!) {
        nearest[index] = score;
        result.set(pixels.subarray(position * size, (position + 1) * size), index * size);
      }
      if (isDone) done[index] = 1;
      return !isDone;
    });
  }
  return { pixels: result, reached: done };
}

/** Takes the steps of a run, with the images on the device if they can be there and nobody has to see each point. */
function runSteps(problem: AttackProblem, run: ApgdRun): Promise<ApgdFound> {
  const { queries, trace } = problem;
  const isSeen = trace !== undefined || queries.isSpent !== undefined;
  const onDevice = run.norm !== 'l1' && !isSeen ? deviceForm(queries) : null;
  return onDevice === null ? new ApgdSteps(problem, run).run() : apgdOnDevice(problem, run, onDevice);
}

/** The parts of a run: its steps in balls of a multiple of the radius. */
function phasesOf({
  norm,
  steps,
  largerEpsilons = false,
}: ApgdOptions): readonly { factor: number; steps: number }[] {
  if (norm !== 'l1' || !largerEpsilons) return [{ factor: 1, steps }];
  const part = Math.ceil(0.3 * steps);
  return [
    { factor: 3, steps: part },
    { factor: 2, steps: part },
    { factor: 1, steps: Math.max(0, steps - 2 * part) },
  ];
}

/** The nearest points of the L1 balls in the box. */
function intoL1Balls(
  { images }: AttackProblem,
  rows: Int32Array,
  points: Float32Array,
  radii: Float64Array,
): Float32Array {
  const size = imageSize(images.shape);
  const result = takeRows(images, rows).pixels;
  for (const [index, radius] of radii.entries()) {
    const original = result.subarray(index * size, (index + 1) * size);
    const delta = Float64Array.from(original, (pixel, at) => points[index * size + at]! - pixel);
    projectOntoBallInBox(delta, original, radius);
    for (let at = 0; at < size; at++) original[at] = Math.min(1, Math.max(0, original[at]! + delta[at]!));
  }
  return result;
}
