/** Training by stochastic gradient descent with momentum, as `torch.optim.SGD` defines it. */
import type { Tensor } from '@tensorflow/tfjs';
import { checkModel } from '../models/network.ts';
import { trainedWeights, trainingPass } from '../models/training-network.ts';
import type { Seed } from '../tensors/random.ts';
import { tf } from '../tensors/tf.ts';
import type { Images } from '../values/images.ts';
import type { Model } from '../values/model.ts';
import { dropoutMask, epochOrder, preparedBatches } from './batches.ts';
import type { Augmentation, Batch } from './batches.ts';
import { learningRateAt } from './schedule.ts';
import type { Schedule } from './schedule.ts';
import { decodeState, encodeState, initialState, trainedModel } from './state.ts';
import type { TrainingState } from './state.ts';

export interface SgdHyperparameters {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** v ← momentum · v + g, with v = 0 at first; w ← w − rate · v. */
  readonly momentum: number;
  /** g ← g + weightDecay · w, for every trained weight, biases and batch norms too, as torch does. */
  readonly weightDecay: number;
  /** w ← w − rate · (g + momentum · v). */
  readonly nesterov: boolean;
  readonly schedule: Schedule;
}

export interface EpochReport {
  /** Epochs completed, 1 after the first. */
  readonly epoch: number;
  /** Means over the epoch's batches as they were trained on. */
  readonly loss: number;
  readonly accuracy: number;
  readonly learningRate: number;
  /** Bytes that `resume` takes. */
  readonly state: () => Promise<Uint8Array>;
}

export interface SgdOptions extends SgdHyperparameters {
  readonly model: Model;
  readonly images: Images;
  readonly seed: Seed;
  readonly augment?: Augmentation;
  /** State after an epoch of this same training: it goes on from there to the very same bits. */
  readonly resume?: Uint8Array;
  readonly onEpoch?: (report: EpochReport) => void | Promise<void>;
  readonly signal?: AbortSignal;
  /** Images trained on so far, over all epochs. */
  readonly progress?: (done: number, total: number) => void;
}

/** The loss became NaN or infinite. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError';
  /** 1 for the first. */
  readonly epoch: number;
  /** Batch of the epoch, 1 for the first. */
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
 * Trains on the current backend and returns the new model; `images` may have views, each a training image. Equal
 * arguments give equal bits on wasm. Throws `DivergedError`, the signal's reason when aborted, `RangeError` for images
 * or labels that do not fit the model, `TrainingStateError` for a foreign `resume`.
 */
export async function trainSgd(options: SgdOptions): Promise<Model> {
  const { model, images, epochs, signal } = options;
  checkModel(model);
  checkImages(model, images);
  const trained = trainedWeights(model.weights);
  let state = options.resume ? decodeState(options.resume, model, trained) : initialState(model, trained);
  try {
    while (state.epoch < epochs) {
      signal?.throwIfAborted();
      const { loss, accuracy, learningRate } = await trainEpoch(state, options);
      state = { ...state, epoch: state.epoch + 1 };
      const completed = state;
      await options.onEpoch?.({
        epoch: state.epoch,
        loss,
        accuracy,
        learningRate,
        state: () => encodeState(completed),
      });
    }
    return await trainedModel(model, state.weights);
  } finally {
    tf.dispose([...Object.values(state.weights), ...Object.values(state.momentum)]);
  }
}

/** Replaces the tensors of `state` batch by batch. */
async function trainEpoch(
  state: TrainingState,
  options: SgdOptions,
): Promise<{ loss: number; accuracy: number; learningRate: number }> {
  const { images, batchSize, epochs, schedule, seed } = options;
  const rows = images.shape[0];
  const order = epochOrder(seed, state.epoch, rows);
  const steps = Math.ceil(rows / batchSize);
  const batches = preparedBatches(images, order, batchSize, options.augment, state.epoch);
  let lossSum = 0;
  let correctSum = 0;
  let learningRate = options.learningRate;
  let rested = performance.now();
  let step = 0;
  for await (const batch of batches) {
    options.signal?.throwIfAborted();
    learningRate = learningRateAt(schedule, options.learningRate, state.epoch + step / steps, epochs);
    const { loss, correct } = await trainStep(state, options, batch, learningRate);
    if (!Number.isFinite(loss)) throw new DivergedError(loss, state.epoch + 1, step + 1, learningRate);
    lossSum += loss * batch.labels.length;
    correctSum += correct;
    step++;
    options.progress?.(state.epoch * rows + Math.min(step * batchSize, rows), epochs * rows);
    // Reading a wasm tensor only awaits a microtask: let messages and signals in now and then.
    if (performance.now() - rested > 50) {
      await new Promise((resolve) => setImmediate(resolve));
      rested = performance.now();
    }
  }
  return { loss: lossSum / rows, accuracy: correctSum / rows, learningRate };
}

async function trainStep(
  state: TrainingState,
  { model, momentum, weightDecay, nesterov, seed }: SgdOptions,
  batch: Batch,
  learningRate: number,
): Promise<{ loss: number; correct: number }> {
  const result = tf.tidy(() => {
    const { gradients, statistics, loss, correct } = trainingPass(
      model.network,
      model.preprocessing,
      state.weights,
      {
        pixels: tf.tensor4d(batch.pixels, batch.shape),
        labels: tf.tensor1d(batch.labels, 'int32'),
        keep: (dropout, size, rate) => dropoutMask(seed, state.epoch, batch.ids, dropout, size, rate),
      },
    );
    const weights: Record<string, Tensor> = { ...statistics };
    const velocities: Record<string, Tensor> = {};
    for (const [name, gradient] of Object.entries(gradients)) {
      const weight = state.weights[name]!;
      const decayed = weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(weight, weightDecay));
      const velocity = tf.add(tf.mul(state.momentum[name]!, momentum), decayed);
      const direction = nesterov ? tf.add(decayed, tf.mul(velocity, momentum)) : velocity;
      velocities[name] = velocity;
      weights[name] = tf.sub(weight, tf.mul(direction, learningRate));
    }
    return { weights, velocities, measures: tf.stack([loss, correct]) };
  });
  replaceTensors(state.weights, result.weights);
  replaceTensors(state.momentum, result.velocities);
  const [loss, correct] = await result.measures.data();
  result.measures.dispose();
  return { loss: loss!, correct: correct! };
}

function replaceTensors(target: Record<string, Tensor>, source: Readonly<Record<string, Tensor>>): void {
  for (const [name, tensor] of Object.entries(source)) {
    target[name]?.dispose();
    target[name] = tensor;
  }
}

function checkImages({ network }: Model, images: Images): void {
  const shape = images.shape.slice(1);
  if (shape.join() !== network.inputShape.join()) {
    throw new RangeError(
      `the images are ${shape.join(' × ')}, the model takes ${network.inputShape.join(' × ')}`,
    );
  }
  if (images.shape[0] === 0) throw new RangeError('there is no image to train on');
  const outside = images.labels.find((label) => label < 0 || label >= network.classes);
  if (outside !== undefined)
    throw new RangeError(`label ${outside} is none of the model's ${network.classes} classes`);
}
