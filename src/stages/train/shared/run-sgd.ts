import type { OpenTransform } from '../../../defenses/open-transform.ts';
import { type StageContext, StageError } from '../../../runtime/stage.ts';
import { argmaxRows, averageViews, softmaxRows } from '../../../metrics/classification.ts';
import { openClassifier } from '../../../models/inference.ts';
import { openBackend } from '../../../tensors/backend.ts';
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
import { prepareBatch } from './prepare-batch.ts';

interface SgdParameters extends Omit<SgdHyperparameters, 'schedule'> {
  readonly schedule: {
    readonly kind: 'constant' | 'step' | 'cosine' | 'one-cycle';
    readonly every: number;
    readonly factor: number;
  };
  readonly augment: { readonly crop: number; readonly flip: boolean };
}

interface SgdInputs {
  readonly model: Model;
  readonly images: Images;
  readonly validation?: Images;
  readonly transform?: Transform;
}

type SgdContext = StageContext<SgdParameters, SgdInputs>;

/**
 * Trains with a checkpoint after each epoch. A killed run resumes from it with the same bits, history
 * included.
 */
export async function runSgd(context: SgdContext): Promise<{ model: Model; history: Metrics }> {
  const { model, images, validation, transform } = context.inputs;
  const opened = transform && (await openRecipe(transform, images, context.stages));
  for (const some of validation ? [images, validation] : [images]) {
    checkImageShape(some, model);
    checkLabels(some, model);
  }
  await openBackend(context.backend);
  const bytes = await context.checkpoint.read();
  const checkpoint = bytes && decodeCheckpoint(bytes, context.params.epochs);
  if (bytes && !checkpoint)
    context.warn('its checkpoint does not belong to this training, so it starts again');
  try {
    return await trainFrom(context, opened, checkpoint);
  } catch (error) {
    if (checkpoint && (error instanceof TrainingStateError || error instanceof SafetensorsError)) {
      context.warn(`${error.message}: training starts again`);
      return trainFrom(context, opened, null);
    }
    throw error instanceof DivergedError
      ? new StageError(error.message, { code: 'stage', fix: 'lower learningRate', cause: error })
      : error;
  }
}

async function trainFrom(
  context: SgdContext,
  transform: OpenTransform | undefined,
  checkpoint: TrainingCheckpoint | null,
): Promise<{ model: Model; history: Metrics }> {
  const { params, inputs, seed, signal } = context;
  const rows: MetricsRow[] = [...(checkpoint?.rows ?? [])];
  if (checkpoint) context.log(`going on after epoch ${rows.length} of ${params.epochs}`);
  const { augment: changes, schedule: _written, ...hyperparameters } = params;
  const augment = prepareBatch({ augment: changes, transform, seed, signal });
  const model = await trainSgd({
    ...hyperparameters,
    schedule: scheduleOf(params),
    model: inputs.model,
    images: inputs.images,
    seed,
    signal,
    ...(augment && { augment }),
    ...(checkpoint && { resume: checkpoint.state }),
    progress: (done, total) => context.progress(done, total, 'images'),
    onEpoch: async (report) => {
      const state = await report.state();
      const row = await epochRow(context, report, state);
      rows.push(row);
      await context.checkpoint.write(encodeCheckpoint({ rows, state }));
    },
  });
  return { model, history: { kind: 'metrics', rows, warnings: [] } };
}

async function epochRow(context: SgdContext, report: EpochReport, state: Uint8Array): Promise<MetricsRow> {
  const { epoch, loss, accuracy, learningRate } = report;
  const { model, validation } = context.inputs;
  const values: Record<string, number> = { loss, accuracy, learningRate };
  if (validation) {
    values['validationAccuracy'] = await accuracyOf(withState(model, state), validation, context);
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

async function accuracyOf(model: Model, images: Images, { signal, batchSizes }: SgdContext): Promise<number> {
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

function scheduleOf({ schedule, epochs }: SgdParameters): Schedule {
  const { kind, every, factor } = schedule;
  if (kind !== 'step') return { kind };
  const count = Math.max(0, Math.ceil(epochs / every) - 1);
  return {
    kind: 'steps',
    steps: Array.from({ length: count }, (_, index) => ({ epoch: (index + 1) * every, factor })),
  };
}
