import type { OpenTransform } from '../../../defenses/open-transform.ts';
import { type StageContext, StageError } from '../../../runtime/stage.ts';
import { argmaxRows, averageViews, softmaxRows } from '../../../metrics/classification.ts';
import { openClassifier } from '../../../models/inference.ts';
import { openBackend } from '../../../tensors/backend.ts';
import type { Adversary } from '../../../training/adversary.ts';
import type { Augmentation } from '../../../training/batches.ts';
import type { Schedule } from '../../../training/schedule.ts';
import { DivergedError, type EpochReport, type SgdHyperparameters, trainSgd } from '../../../training/sgd.ts';
import { TrainingStateError } from '../../../training/state.ts';
import type { Images } from '../../../values/images.ts';
import type { Metrics, MetricsRow } from '../../../values/metrics.ts';
import type { Model, WeightTensor } from '../../../values/model.ts';
import type { Transform } from '../../../values/transform.ts';
import { decodeSafetensors, SafetensorsError } from '../../../values/safetensors.ts';
import { logitsOf } from '../../shared/classify-batches.ts';
import { checkImageShape, checkLabels } from '../../shared/model-input.ts';
import { openRecipe } from '../../shared/open-recipe.ts';
import { decodeCheckpoint, encodeCheckpoint, type TrainingCheckpoint } from './history.ts';
import type { AugmentParameters } from './parameters.ts';
import { prepareBatch } from './prepare-batch.ts';

export interface TrainingParameters extends Omit<SgdHyperparameters, 'schedule' | 'warmUp' | 'objective'> {
  readonly labelSmoothing: number;
  readonly schedule: {
    readonly kind: 'constant' | 'step' | 'cosine' | 'one-cycle';
    readonly every: number;
    readonly factor: number;
    readonly warmUp: number;
  };
  readonly augment: AugmentParameters;
}

export interface TrainingInputs {
  readonly model: Model;
  readonly images: Images;
  readonly validation?: Images;
  readonly transform?: Transform;
}

export type TrainingContext = StageContext<TrainingParameters, TrainingInputs>;

/** In what trainings differ. */
export interface Training {
  /** Weight of the divergence in the objective; 0 for the cross-entropy alone. */
  readonly divergence: number;
  /** Changes a batch before the adversary does; undefined if there is nothing to do. */
  readonly augment: Augmentation | undefined;
  readonly adversary?: Adversary;
  /** Other numbers of an epoch on the validation images, by name, from the model after it. */
  readonly measure?: (
    model: Model,
    validation: Images,
    epoch: number,
  ) => Promise<Readonly<Record<string, number>>>;
}

/** Trains on the images as they are, or on draws of a defense. */
export async function runSgd(context: TrainingContext): Promise<{ model: Model; history: Metrics }> {
  const { params, seed, signal } = context;
  const transform = await openTraining(context);
  const augment = prepareBatch({ augment: params.augment, transform, seed, signal });
  return runTraining(context, { divergence: 0, augment });
}

/** Checks the inputs, opens the backend, and opens the defense if there is one. */
export async function openTraining({
  inputs: { model, images, validation, transform },
  stages,
  backend,
}: TrainingContext): Promise<OpenTransform | undefined> {
  const opened = transform && (await openRecipe(transform, images, stages));
  for (const some of validation ? [images, validation] : [images]) {
    checkImageShape(some, model);
    checkLabels(some, model);
  }
  await openBackend(backend);
  return opened;
}

/**
 * Trains with a checkpoint after each epoch. A killed run resumes from it with the same bits, history
 * included.
 */
export async function runTraining(
  context: TrainingContext,
  training: Training,
): Promise<{ model: Model; history: Metrics }> {
  const bytes = await context.checkpoint.read();
  const checkpoint = bytes && decodeCheckpoint(bytes, context.params.epochs);
  if (bytes && !checkpoint)
    context.warn('its checkpoint does not belong to this training, so it starts again');
  try {
    return await trainFrom(context, training, checkpoint);
  } catch (error) {
    if (checkpoint && (error instanceof TrainingStateError || error instanceof SafetensorsError)) {
      context.warn(`${error.message}: training starts again`);
      return trainFrom(context, training, null);
    }
    throw error instanceof DivergedError
      ? new StageError(error.message, { code: 'stage', fix: 'lower learningRate', cause: error })
      : error;
  }
}

async function trainFrom(
  context: TrainingContext,
  training: Training,
  checkpoint: TrainingCheckpoint | null,
): Promise<{ model: Model; history: Metrics }> {
  const { params, inputs, seed, signal } = context;
  const rows: MetricsRow[] = [...(checkpoint?.rows ?? [])];
  if (checkpoint) context.log(`going on after epoch ${rows.length} of ${params.epochs}`);
  const { epochs, batchSize, learningRate, momentum, weightDecay, nesterov, labelSmoothing } = params;
  const { divergence, augment, adversary } = training;
  const model = await trainSgd({
    epochs,
    batchSize,
    learningRate,
    momentum,
    weightDecay,
    nesterov,
    schedule: scheduleOf(params),
    warmUp: params.schedule.warmUp,
    objective: { labelSmoothing, divergence },
    model: inputs.model,
    images: inputs.images,
    seed,
    signal,
    ...(augment && { augment }),
    ...(adversary && { adversary }),
    ...(checkpoint && { resume: checkpoint.state }),
    progress: (done, total) => context.progress(done, total, 'images'),
    onEpoch: async (report) => {
      const state = await report.state();
      const row = await epochRow(context, training, report, state);
      rows.push(row);
      await context.checkpoint.write(encodeCheckpoint({ rows, state }));
    },
  });
  return { model, history: { kind: 'metrics', rows, warnings: [] } };
}

async function epochRow(
  context: TrainingContext,
  { measure }: Training,
  report: EpochReport,
  state: Uint8Array,
): Promise<MetricsRow> {
  const { epoch, loss, accuracy, adversarialAccuracy, learningRate } = report;
  const { model, validation } = context.inputs;
  const values: Record<string, number> = {
    loss,
    ...(accuracy !== null && { accuracy }),
    ...(adversarialAccuracy !== null && { adversarialAccuracy }),
    learningRate,
  };
  if (validation) {
    const trained = withState(model, state);
    values['validationAccuracy'] = await accuracyOf(trained, validation, context);
    Object.assign(values, await measure?.(trained, validation, epoch));
  }
  for (const [name, value] of Object.entries(values)) context.metric(name, value, { epoch });
  const shown = Object.entries(values).map(([name, value]) => `${name} ${value.toPrecision(4)}`);
  context.log(`epoch ${epoch} of ${context.params.epochs}: ${shown.join(', ')}`);
  return { axes: { epoch }, values };
}

/** The model with the weights that a training state holds as `weight/NAME`. */
function withState(model: Model, state: Uint8Array): Model {
  const { tensors } = decodeSafetensors(state);
  const weights: Record<string, WeightTensor> = {};
  for (const [name, { shape }] of Object.entries(model.weights)) {
    weights[name] = { shape, data: tensors[`weight/${name}`]!.data as Float32Array };
  }
  return { ...model, weights };
}

/** The share of images that a model classifies correctly, in the mean over their views. */
export async function accuracyOf(
  model: Model,
  images: Pick<Images, 'pixels' | 'shape' | 'views' | 'labels'>,
  { signal, batchSizes }: Pick<TrainingContext, 'signal' | 'batchSizes'>,
): Promise<number> {
  const classifier = await openClassifier(model);
  try {
    const { classes } = classifier;
    const probabilities = softmaxRows(await logitsOf(classifier, images, { signal, batchSizes }), classes);
    const predicted = argmaxRows(averageViews(probabilities, classes, images.views), classes);
    return predicted.filter((label, index) => label === images.labels[index]).length / predicted.length;
  } finally {
    classifier.dispose();
  }
}

function scheduleOf({ schedule, epochs }: TrainingParameters): Schedule {
  const { kind, every, factor } = schedule;
  if (kind !== 'step') return { kind };
  const count = Math.max(0, Math.ceil(epochs / every) - 1);
  return {
    kind: 'steps',
    steps: Array.from({ length: count }, (_, index) => ({ epoch: (index + 1) * every, factor })),
  };
}
