import { marginOf } from './logits.ts';
import { type LossName, lossValue } from './loss-values.ts';
import type { DistanceNorm } from './norms.ts';
import type { SparsitySchedule } from './sparse-steps.ts';
import { StepHalving } from './step-halving.ts';

/** One run of APGD from given starts. Arrays have one entry per row. */
export interface ApgdRun {
  readonly norm: DistanceNorm;
  readonly loss: LossName;
  readonly steps: number;
  readonly rows: Int32Array;
  readonly radii: Float64Array;
  /** Points at which the rows start, side by side. */
  readonly starts: Float32Array;
  /** In L1: whether the starts are the result of another run, whose sparsity the steps then take over. */
  readonly continues: boolean;
  /** Class that each row moves towards; read by `targeted-dlr` alone. */
  readonly targets: Int32Array;
  /** Ends an image as soon as it is misclassified. */
  readonly stopEarly: boolean;
  /** Whether the points are in a larger ball than the result. */
  readonly isOutside?: boolean;
  readonly watch?: (step: ApgdStep) => void;
}

/** One step of an image, for those who watch. */
export interface ApgdStep {
  /** Row of the attacked images. */
  readonly row: number;
  /** 0 at the start. */
  readonly step: number;
  readonly loss: number;
  readonly bestLoss: number;
  /** Length of the step that led here, in the norm. */
  readonly stepSize: number;
}

/** The points that a run found; arrays have one entry per row. */
export interface ApgdFound {
  /** The misclassified points of images that ended early, and otherwise the points with the highest loss. */
  readonly pixels: Float32Array;
  /** 1 for a point that is misclassified. */
  readonly reached: Uint8Array;
  /** Loss and margin at each point. */
  readonly losses: Float64Array;
  readonly margins: Float64Array;
}

/** State of the image in one slot; its points are kept separately. */
export interface SlotState {
  readonly index: number;
  taken: number;
  stepSize: number;
  halving: StepHalving | null;
  /** In L1 alone. */
  sparsity: SparsitySchedule | null;
  bestLoss: number;
  bestMargin: number;
  bestIsReached: boolean;
}

/** The share of a step in APGD's update, the rest of which is momentum. */
export const share = 0.75;

/** The state of an image that starts. */
export function startOf({ norm, radii }: ApgdRun, index: number): SlotState {
  return {
    index,
    taken: 0,
    stepSize: (norm === 'l1' ? 1 : 2) * radii[index]!,
    halving: null,
    sparsity: null,
    bestLoss: -Infinity,
    bestMargin: -Infinity,
    bestIsReached: false,
  };
}

/** The logits at the point of an image decide this. */
export interface Judgement {
  readonly loss: number;
  /** Whether the point is the best so far. */
  readonly isBest: boolean;
  /** Whether the image ends, at its best point. */
  readonly isDone: boolean;
}

/** Judges the point of an image, whose logits are a row of `logits`, and keeps in its state what is best. */
export function judgePoint(
  state: SlotState,
  run: ApgdRun,
  { row, label, isReached }: { readonly row: number; readonly label: number; readonly isReached: boolean },
  logits: Float32Array,
  classes: number,
  position: number,
): Judgement {
  const target = run.targets[state.index] ?? 0;
  const loss = lossValue(run.loss, logits, classes, position, label, target);
  const endsHere = isReached && run.stopEarly;
  const isBest = loss > state.bestLoss || state.taken === 0 || endsHere;
  if (isBest) {
    state.bestLoss = loss;
    state.bestMargin = marginOf(logits, classes, position, label);
    state.bestIsReached = isReached;
  }
  run.watch?.({ row, step: state.taken, loss, bestLoss: state.bestLoss, stepSize: state.stepSize });
  return { loss, isBest, isDone: endsHere || state.taken === run.steps };
}

/** Halves the steps of an image whose loss has stopped rising; returns whether it goes on from its best point. Not in L1. */
export function halveSteps(state: SlotState, { steps }: ApgdRun, loss: number): boolean {
  if (state.taken === 0) {
    state.halving = new StepHalving(steps, loss);
    return false;
  }
  if (!state.halving!.record(loss, state.bestLoss)) return false;
  state.stepSize /= 2;
  return true;
}

/** Writes down what an image has found, but for its point. */
export function noteFound(found: ApgdFound, { index, bestLoss, bestMargin, bestIsReached }: SlotState): void {
  found.reached[index] = bestIsReached ? 1 : 0;
  found.losses[index] = bestLoss;
  found.margins[index] = bestMargin;
}

/** Results of a run before its first step. */
export function nothingYet({ rows, starts }: ApgdRun): ApgdFound {
  return {
    pixels: starts.slice(),
    reached: new Uint8Array(rows.length),
    losses: new Float64Array(rows.length).fill(-Infinity),
    margins: new Float64Array(rows.length).fill(-Infinity),
  };
}
