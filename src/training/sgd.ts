/** Training by stochastic gradient descent with momentum, as `torch.optim.SGD` defines it. */
import { checkModel } from '../models/network.ts';
import type { Evaluation } from '../models/inference.ts';
import type { Objective } from '../models/objective.ts';
import { trainedWeights } from '../models/training-network.ts';
import type { Seed } from '../tensors/random.ts';
import { tf } from '../tensors/tf.ts';
import type { Images } from '../values/images.ts';
import type { Model } from '../values/model.ts';
import type { Adversary } from './adversary.ts';
import { dropoutMask, epochOrder, preparedBatches } from './batches.ts';
import type { Augmentation, Batch } from './batches.ts';
import { openStep } from './open-step.ts';
import { learningRateAt, warmUpShare } from './schedule.ts';
import type { Schedule } from './schedule.ts';
import { decodeState, encodeState, initialState, trainedModel } from './state.ts';
import type { TrainingState } from './state.ts';
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
  /** Bytes for `resume`. */
  readonly state: () => Promise<Uint8Array>;
}

export interface SgdOptions extends SgdHyperparameters {
  readonly model: Model;
  readonly images: Images;
  readonly seed: Seed;
  readonly augment?: Augmentation;
  /** Changes each batch after its augmentation. */
  readonly adversary?: Adversary;
  /** State after an epoch of the same training, from which it resumes with the same bits. */
  readonly resume?: Uint8Array;
  readonly onEpoch?: (report: EpochReport) => void | Promise<void>;
  readonly signal?: AbortSignal;
  /** See `openClassifier`. */
  readonly evaluation?: Evaluation;
  /** Receives the number of images trained on so far, over all epochs. */
  readonly progress?: (done: number, total: number) => void;
}

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
export async function trainSgd(options: SgdOptions): Promise<Model> {
  checkModel(options.model);
  checkImages(options.model, options.images);
  const step = await openStep(options.model, options);
  try {
    return await train(step, options);
  } finally {
    step.dispose();
  }
}

async function train(step: SgdStep, options: SgdOptions): Promise<Model> {
  const { model, epochs, signal } = options;
  const trained = trainedWeights(model.weights);
  let state = options.resume
    ? decodeState(options.resume, { model, trained, epochs })
    : initialState(model, trained);
  try {
    while (state.epoch < epochs) {
      signal?.throwIfAborted();
      const { loss, accuracy, adversarialAccuracy, learningRate } = await trainEpoch(state, step, options);
      state = { ...state, epoch: state.epoch + 1 };
      const completed = state;
      await options.onEpoch?.({
        epoch: state.epoch,
        loss,
        accuracy,
        adversarialAccuracy,
        learningRate,
        state: () => encodeState(completed),
      });
    }
    return await trainedModel(model, state.weights);
  } finally {
    tf.dispose([...Object.values(state.weights), ...Object.values(state.momentum)]);
  }
}

/** Trains one epoch, replacing the tensors of `state` batch by batch. */
async function trainEpoch(
  state: TrainingState,
  sgdStep: SgdStep,
  options: SgdOptions,
): Promise<Omit<EpochReport, 'epoch' | 'state'>> {
  const { model, images, batchSize, epochs, schedule, seed, adversary } = options;
  const rows = images.shape[0];
  const order = epochOrder(seed, state.epoch, rows);
  const steps = Math.ceil(rows / batchSize);
  const batches = preparedBatches(images, order, batchSize, options.augment, state.epoch);
  let lossSum = 0;
  const asTheyAre = new Share();
  const perturbed = new Share();
  const weights = async (): Promise<Model['weights']> => (await trainedModel(model, state.weights)).weights;
  let learningRate = options.learningRate;
  let rested = performance.now();
  let step = 0;
  for await (const prepared of batches) {
    options.signal?.throwIfAborted();
    const place = { epoch: state.epoch, step };
    const batch = adversary === undefined ? prepared : await adversary(prepared, place, weights);
    const progress = state.epoch + step / steps;
    learningRate =
      learningRateAt(schedule, options.learningRate, progress, epochs) *
      warmUpShare(options.warmUp ?? 0, progress, 1 / steps);
    const { loss, correct } = await sgdStep.take(state, batch, learningRate, (dropout, size, rate) =>
      dropoutMask(seed, state.epoch, batch.ids, dropout, size, rate),
    );
    if (!Number.isFinite(loss)) throw new DivergedError(loss, state.epoch + 1, step + 1, learningRate);
    lossSum += loss * batch.labels.length;
    countCorrect(batch, correct, asTheyAre, perturbed);
    step++;
    options.progress?.(state.epoch * rows + Math.min(step * batchSize, rows), epochs * rows);
    // Reading a wasm tensor awaits no more than a microtask, so this lets messages and signals in now and
    // then.
    if (performance.now() - rested > 50) {
      await new Promise((resolve) => setImmediate(resolve));
      rested = performance.now();
    }
  }
  return {
    loss: lossSum / rows,
    accuracy: asTheyAre.value,
    adversarialAccuracy: perturbed.value,
    learningRate,
  };
}

/** A share that is counted row by row. */
class Share {
  #hits = 0;
  #count = 0;

  add(hit: number): void {
    this.#hits += hit;
    this.#count++;
  }

  /** Null if nothing was counted. */
  get value(): number | null {
    return this.#count === 0 ? null : this.#hits / this.#count;
  }
}

/** Adds the rows of a batch to the share to which they belong. `correct` is that of `StepMeasures`. */
function countCorrect(
  { labels, adversarial }: Batch,
  correct: Float32Array,
  asTheyAre: Share,
  perturbed: Share,
): void {
  correct.forEach((hit, row) => {
    const isPerturbed = row >= labels.length || adversarial?.[row] === 1;
    (isPerturbed ? perturbed : asTheyAre).add(hit);
  });
}

function checkImages({ network }: Model, images: Images): void {
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
