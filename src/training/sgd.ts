/** Training by stochastic gradient descent with momentum, as `torch.optim.SGD` defines it. */
import { checkModel } from '../models/network.ts';
import type { Evaluation } from '../models/inference.ts';
import type { Objective } from '../models/objective.ts';
import { trainedWeights } from '../models/training-network.ts';
import type { Seed } from '../tensors/random.ts';
import { tf } from '../tensors/tf.ts';
import { type ImageRows, rowsInMemory } from '../values/image-rows.ts';
import type { Images } from '../values/images.ts';
import type { NetworkModel } from '../values/model.ts';
import type { Adversary } from './adversary.ts';
import { averageWeights } from './average.ts';
import { dropoutMask, epochOrder, preparedBatches } from './batches.ts';
import type { Augmentation, Batch } from './batches.ts';
import { openStep } from './open-step.ts';
import { learningRateAt, warmUpShare } from './schedule.ts';
import type { Schedule } from './schedule.ts';
import { decodeState, encodeState, initialState, noSums, trainedModel } from './state.ts';
import type { EpochSums, Share, TrainingState } from './state.ts';
import type { SgdStep } from './step.ts';

export interface SgdHyperparameters {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** v ← momentum · v + g, with v = 0 at first; w ← w − rate · v. */
  readonly momentum: number;
  /** g ← g + weightDecay · w, for every trained weight, including biases and batch norms, as torch does. */
  readonly weightDecay: number;
  /** Whether the step is w ← w − rate · (g + momentum · v). */
  readonly nesterov: boolean;
  readonly schedule: Schedule;
  /** Epochs over which the learning rate grows to that of the schedule; 0 if absent. */
  readonly warmUp?: number;
  /** The cross-entropy if absent. */
  readonly objective?: Objective;
  /** Decay of the moving average of the weights, which is then the trained model; none if absent. */
  readonly ema?: number;
}

export interface EpochReport {
  /** Epochs completed, 1 after the first. */
  readonly epoch: number;
  /** Mean over the epoch's batches, each measured before its step. */
  readonly loss: number;
  /** Share of the images that were trained on as they are which was classified correctly; null if there were none. */
  readonly accuracy: number | null;
  /** The same of those that an adversary had perturbed, counterparts included. */
  readonly adversarialAccuracy: number | null;
  readonly learningRate: number;
  /** The model that the training would return if it ended here. */
  readonly model: () => Promise<NetworkModel>;
  /** Bytes for `resume`. */
  readonly state: () => Promise<Uint8Array>;
}

export interface StepReport {
  /** Epochs completed. */
  readonly epoch: number;
  /** Steps of the epoch under way that are completed, 1 after the first. */
  readonly step: number;
  /** Steps of an epoch. */
  readonly steps: number;
  /** Bytes for `resume`. Belongs to this moment: it is asked for before the next step, or not at all. */
  readonly state: () => Promise<Uint8Array>;
}

export interface SgdOptions extends SgdHyperparameters {
  readonly model: NetworkModel;
  readonly images: Images | ImageRows;
  readonly seed: Seed;
  readonly augment?: Augmentation;
  /** Changes each batch after its augmentation. */
  readonly adversary?: Adversary;
  /** State after a step or an epoch of the same training, from which it resumes with the same bits. */
  readonly resume?: Uint8Array;
  /** Called after each step; what it throws ends the training. */
  readonly onStep?: (report: StepReport) => void | Promise<void>;
  readonly onEpoch?: (report: EpochReport) => void | Promise<void>;
  readonly signal?: AbortSignal;
  /** See `openClassifier`. */
  readonly evaluation?: Evaluation;
  /** Receives the number of images trained on so far, over all epochs. */
  readonly progress?: (done: number, total: number) => void;
}

type RowsOptions = SgdOptions & { readonly images: ImageRows };

/** The loss became NaN or infinite. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError';
  /** Number of the epoch, starting at 1. */
  readonly epoch: number;
  /** Number of the batch in the epoch, starting at 1. */
  readonly step: number;
  constructor(loss: number, epoch: number, step: number, learningRate: number) {
    super(
      `training diverged: the loss is ${loss} in epoch ${epoch}, step ${step}, at learning rate ${learningRate.toPrecision(3)}; ` +
        'try a third of the learning rate, or batch norm',
    );
    this.epoch = epoch;
    this.step = step;
  }
}

/**
 * Trains on the current backend and returns the new model. If `images` have views, each view is a training
 * image. Equal arguments give equal bits on wasm. Throws `DivergedError`, the signal's reason when aborted,
 * `RangeError` for images or labels that do not fit the model, and `TrainingStateError` if `resume` belongs
 * to another training.
 */
export async function trainSgd(options: SgdOptions): Promise<NetworkModel> {
  checkModel(options.model);
  checkImages(options.model, options.images);
  const step = await openStep(options.model, options);
  const { images } = options;
  try {
    return await train(step, { ...options, images: 'read' in images ? images : rowsInMemory(images) });
  } finally {
    step.dispose();
  }
}

async function train(sgdStep: SgdStep, options: RowsOptions): Promise<NetworkModel> {
  const { model, images, epochs, batchSize, signal } = options;
  const trained = trainedWeights(model.weights);
  const steps = Math.ceil(images.shape[0] / batchSize);
  const isAveraged = options.ema !== undefined;
  let state = options.resume
    ? decodeState(options.resume, { model, trained, epochs, steps, isAveraged })
    : initialState(model, trained);
  try {
    while (state.epoch < epochs) {
      signal?.throwIfAborted();
      const { loss, learningRate, asTheyAre, perturbed } = await trainEpoch(state, sgdStep, options);
      state = { ...state, epoch: state.epoch + 1, step: 0, sums: noSums };
      const completed = state;
      await options.onEpoch?.({
        epoch: state.epoch,
        loss: loss / images.shape[0],
        accuracy: valueOf(asTheyAre),
        adversarialAccuracy: valueOf(perturbed),
        learningRate,
        model: () => currentModel(model, completed),
        state: () => encodeState(completed),
      });
    }
    return await currentModel(model, state);
  } finally {
    tf.dispose([state.weights, state.momentum, state.average].flatMap((group) => Object.values(group)));
  }
}

/**
 * Trains the rest of an epoch from the place of `state`, replacing its tensors batch by batch, and returns the sums over the
 * epoch.
 */
async function trainEpoch(state: TrainingState, sgdStep: SgdStep, options: RowsOptions): Promise<EpochSums> {
  const { model, images, batchSize, epochs, schedule, seed, adversary } = options;
  const { epoch } = state;
  const rows = images.shape[0];
  const order = epochOrder(seed, epoch, rows);
  const steps = Math.ceil(rows / batchSize);
  const batches = preparedBatches(images, order, batchSize, options.augment, epoch, state.step);
  const weights = async (): Promise<NetworkModel['weights']> =>
    (await trainedModel(model, state.weights)).weights;
  let { step, sums } = state;
  let rested = performance.now();
  for await (const prepared of batches) {
    options.signal?.throwIfAborted();
    const batch = adversary === undefined ? prepared : await adversary(prepared, { epoch, step }, weights);
    const progress = epoch + step / steps;
    const learningRate =
      learningRateAt(schedule, options.learningRate, progress, epochs) *
      warmUpShare(options.warmUp ?? 0, progress, 1 / steps);
    const { loss, correct } = await sgdStep.take(state, batch, learningRate, (dropout, size, rate) =>
      dropoutMask(seed, epoch, batch.ids, dropout, size, rate),
    );
    if (!Number.isFinite(loss)) throw new DivergedError(loss, epoch + 1, step + 1, learningRate);
    if (options.ema !== undefined) averageWeights(state.average, state.weights, options.ema);
    sums = {
      loss: sums.loss + loss * batch.labels.length,
      learningRate,
      ...countCorrect(batch, correct, sums),
    };
    step++;
    options.progress?.(epoch * rows + Math.min(step * batchSize, rows), epochs * rows);
    const place = { ...state, step, sums };
    await options.onStep?.({ epoch, step, steps, state: () => encodeState(place) });
    // Reading a wasm tensor awaits no more than a microtask, so this lets messages and signals in now and
    // then.
    if (performance.now() - rested > 50) {
      await new Promise((resolve) => setImmediate(resolve));
      rested = performance.now();
    }
  }
  return sums;
}

/** The model that a training would return after this step: with the average of the weights if there is one. */
function currentModel(model: NetworkModel, { weights, average }: TrainingState): Promise<NetworkModel> {
  return trainedModel(model, Object.keys(average).length > 0 ? average : weights);
}

/** Null if nothing was counted. */
function valueOf({ hits, count }: Share): number | null {
  return count === 0 ? null : hits / count;
}

/** Adds the rows of a batch to the share to which they belong. `correct` is that of `StepMeasures`. */
function countCorrect(
  { labels, adversarial }: Batch,
  correct: Float32Array,
  sums: EpochSums,
): Pick<EpochSums, 'asTheyAre' | 'perturbed'> {
  const [asTheyAre, perturbed] = [{ ...sums.asTheyAre }, { ...sums.perturbed }];
  correct.forEach((hit, row) => {
    const share = row >= labels.length || adversarial?.[row] === 1 ? perturbed : asTheyAre;
    share.hits += hit;
    share.count++;
  });
  return { asTheyAre, perturbed };
}

function checkImages({ network }: NetworkModel, images: Images | ImageRows): void {
  const shape = images.shape.slice(1);
  if (shape.join() !== network.inputShape.join()) {
    throw new RangeError(
      `the images are ${shape.join(' × ')}, but the model takes ${network.inputShape.join(' × ')}`,
    );
  }
  if (images.shape[0] === 0) throw new RangeError('there is no image to train on');
  const outside = images.labels.find((label) => label < 0 || label >= network.classes);
  if (outside !== undefined)
    throw new RangeError(`label ${outside} is not one of the model's ${network.classes} classes`);
}
