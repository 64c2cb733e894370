import type { Tensor4D } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import { gather, runActiveSet } from '../active-set.ts';
import {
  type ApgdFound,
  type ApgdRun,
  halveSteps,
  judgePoint,
  noteFound,
  nothingYet,
  share,
  type SlotState,
  startOf,
} from '../apgd-state.ts';
import { batchCapacity, imageSize } from '../images.ts';
import { misclassifiedRows } from '../logits.ts';
import type { AttackProblem } from '../originals.ts';
import {
  appendOnDevice,
  type DeviceGradient,
  disposeTensors,
  mapTensors,
  takeOnDevice,
} from './device-queries.ts';
import { rowFlags, rowNumbers } from './functions.ts';
import { startsOnDevice } from './kept-originals.ts';
import { type ApgdPoints, areFlat, moveByApgd } from './moves.ts';

interface Moving {
  readonly slot: number;
  readonly row: number;
  readonly state: SlotState;
}

/** The images that are moving, one row each. */
interface DeviceState extends ApgdPoints {
  readonly originals: Tensor4D;
}

/**
 * Takes the steps of a run of APGD in L∞ or L2 with the images on the device: they go there when they start, and their best points
 * come back when they are done. The passes, the batches and all bits are those of `ApgdSteps`.
 */
export async function apgdOnDevice(
  problem: AttackProblem,
  run: ApgdRun,
  gradientOf: DeviceGradient,
): Promise<ApgdFound> {
  const { images, hooks } = problem;
  const size = imageSize(images.shape);
  const capacity = Math.min(run.rows.length, batchCapacity(size, hooks));
  const found = nothingYet(run);
  let device: DeviceState | null = null;
  let moving: readonly Moving[] = [];
  let entering: Moving[] = [];

  const admit = (): void => {
    if (entering.length === 0) return;
    const entered = upload(problem, run, entering);
    device =
      device === null ? entered : mapTensors(device, (tensor, name) => appendOnDevice(tensor, entered[name]));
    moving = [...moving, ...entering];
    entering = [];
  };
  const step = async (): Promise<readonly number[]> => {
    admit();
    const before = device!;
    const { points, isDone } = await advance(problem, run, gradientOf, before, moving);
    device = { ...points, originals: before.originals };
    const done = [...moving.keys()].filter((position) => isDone[position]);
    const ended = done.map((position) => moving[position]!);
    if (done.length > 0) {
      const isAll = done.length === moving.length;
      const left = isAll ? tf.clone(points.best) : takeOnDevice(points.best, done);
      const values = (await left.data()) as Float32Array;
      left.dispose();
      for (const [at, { state }] of ended.entries()) {
        found.pixels.set(values.subarray(at * size, (at + 1) * size), state.index * size);
        noteFound(found, state);
      }
      const kept = [...moving.keys()].filter((position) => !isDone[position]);
      const old: DeviceState = device;
      device = isAll ? null : mapTensors(old, (tensor) => takeOnDevice(tensor, kept));
      disposeTensors(old);
      moving = kept.map((position) => moving[position]!);
    }
    return ended.map(({ slot }) => slot);
  };
  try {
    const enter = (slot: number, index: number): void => {
      entering.push({ slot, row: run.rows[index]!, state: startOf(run, index) });
    };
    await runActiveSet(run.rows.length, capacity, { enter, step }, hooks);
  } finally {
    disposeTensors<DeviceState>(device);
  }
  return found;
}

/** Judges the points of the images and moves them. Disposes the points before, but not the originals. */
async function advance(
  { images, queries, originals }: AttackProblem,
  run: ApgdRun,
  gradientOf: DeviceGradient,
  before: DeviceState,
  moving: readonly Moving[],
): Promise<{ readonly points: ApgdPoints; readonly isDone: readonly boolean[] }> {
  const labels = Int32Array.from(moving, ({ row }) => images.labels[row]!);
  const ids = Int32Array.from(moving, ({ row }) => images.ids[row]!);
  const onDevice = tf.tensor1d(labels, 'int32');
  const targets = Int32Array.from(moving, ({ state }) => run.targets[state.index]!);
  const loss = run.loss === 'targeted-dlr' ? { kind: run.loss, targets } : run.loss;
  const { gradient, logits } = await gradientOf({ pixels: before.current, labels: onDevice, ids }, loss);
  onDevice.dispose();
  const reached = misclassifiedRows(logits, labels, queries.classes);
  const isFresh = moving.map(({ state }, position) => state.taken === 0 && !reached[position]!);
  if (isFresh.includes(true)) {
    for (const [position, isFlat] of (await areFlat(gradient)).entries())
      if (isFlat && isFresh[position]!) originals.markZeroGradient(moving[position]!.row);
  }
  const judgements = moving.map(({ row, state }, position) => {
    const image = { row, label: labels[position]!, isReached: reached[position]! };
    return judgePoint(state, run, image, logits, queries.classes, position);
  });
  const goesBack = moving.map(({ state }, position) => {
    const judged = judgements[position]!;
    return !judged.isDone && halveSteps(state, run, judged.loss);
  });
  const shares = moving.map(({ state }) => (state.taken === 0 ? 1 : share));
  const settings = {
    isBest: rowFlags(judgements.map(({ isBest }) => isBest)),
    goesBack: rowFlags(goesBack),
    sizes: rowNumbers(moving.map(({ state }) => state.stepSize)),
    shares: rowNumbers(shares),
    others: rowNumbers(shares.map((own) => 1 - own)),
  };
  const norm = run.norm === 'l2' ? 'l2' : 'linf';
  const radii = rowNumbers(moving.map(({ state }) => run.radii[state.index]!));
  const points = moveByApgd(norm, before, gradient, { originals: before.originals, radii }, settings);
  tf.dispose([gradient, radii, ...Object.values(settings)]);
  tf.dispose([before.current, before.previous, before.best, before.bestGradient]);
  for (const [position, { state }] of moving.entries()) if (!judgements[position]!.isDone) state.taken++;
  return { points, isDone: judgements.map(({ isDone }) => isDone) };
}

/** The tensors of images that start. */
function upload(
  { images, originals: { kept } }: AttackProblem,
  run: ApgdRun,
  entering: readonly Moving[],
): DeviceState {
  const rows = entering.map(({ row }) => row);
  const indices = Int32Array.from(entering, ({ state }) => state.index);
  const starts = gather(run.starts, indices, imageSize(images.shape));
  const { points: current, centres: originals } = startsOnDevice(kept, images, rows, starts);
  // The first point is the best one, with its gradient, so what these begin with does not matter.
  const same = (): Tensor4D => tf.clone(current);
  return { current, previous: same(), best: same(), bestGradient: same(), originals };
}
