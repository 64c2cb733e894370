import type { OpenTransform } from '../../../defenses/open-transform.ts';
import { PausedError, type StageContext, StageError } from '../../../runtime/stage.ts';
import { wilsonInterval } from '../../../metrics/wilson.ts';
import { openBackend } from '../../../tensors/backend.ts';
import type { Adversary } from '../../../training/adversary.ts';
import type { Augmentation } from '../../../training/batches.ts';
import type { Schedule } from '../../../training/schedule.ts';
import { DivergedError, type EpochReport, type SgdHyperparameters, trainSgd } from '../../../training/sgd.ts';
import { TrainingStateError } from '../../../training/state.ts';
import type { ImageRows } from '../../../values/image-rows.ts';
import type { Metrics, MetricsRow } from '../../../values/metrics.ts';
import type { NetworkModel } from '../../../values/model.ts';
import type { Transform } from '../../../values/transform.ts';
import { SafetensorsError } from '../../../values/safetensors.ts';
import { checkImageShape, checkLabels } from '../../shared/model-input.ts';
import { openRecipe } from '../../shared/open-recipe.ts';
import { checkpointPace } from './checkpoint-pace.ts';
import { type BestWeights, decodeCheckpoint, encodeCheckpoint, type TrainingCheckpoint } from './history.ts';
import type { AugmentParameters } from './parameters.ts';
import { prepareBatch } from './prepare-batch.ts';
import { accuracyOf } from './validation.ts';

export interface TrainingParameters extends Omit<SgdHyperparameters, 'schedule' | 'warmUp' | 'objective'> {
  readonly labelSmoothing: number;
  readonly keep?: 'best' | 'last';
  readonly schedule: {
    readonly kind: 'constant' | 'step' | 'cosine' | 'one-cycle';
    readonly every: number;
    readonly factor: number;
    readonly warmUp: number;
  };
  readonly augment: AugmentParameters;
}

export interface TrainingInputs {
  readonly model: NetworkModel;
  readonly images: ImageRows;
  readonly validation?: ImageRows;
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
    model: NetworkModel,
    validation: ImageRows,
    epoch: number,
  ) => Promise<Readonly<Record<string, number>>>;
}

/** Trains on the images as they are, or on draws of a defense. */
export async function runSgd(context: TrainingContext): Promise<{ model: NetworkModel; history: Metrics }> {
  const { params, seed, signal } = context;
  const transform = await openTraining(context);
  const augment = prepareBatch({ augment: params.augment, transform, seed, signal });
  return runTraining(context, { divergence: 0, augment });
}

/** Checks the inputs, opens the backend, and opens the defense if there is one. */
export async function openTraining({
  params: { keep },
  inputs: { model, images, validation, transform },
  stages,
  backend,
}: TrainingContext): Promise<OpenTransform | undefined> {
  if (keep === 'best' && validation === undefined)
    throw new StageError('keep: best needs images on which the weights of each epoch are compared', {
      fix: 'connect validation, or leave keep out',
    });
  const opened = transform && (await openRecipe(transform, images, stages));
  for (const some of validation ? [images, validation] : [images]) {
    checkImageShape(some, model);
    checkLabels(some, model);
  }
  await openBackend(backend);
  return opened;
}

/**
 * Trains with checkpoints now and then. A run that is killed, or asked to stop, resumes from the last one with the same bits,
 * history included.
 */
export async function runTraining(
  context: TrainingContext,
  training: Training,
): Promise<{ model: NetworkModel; history: Metrics }> {
  const { epochs } = context.params;
  const bytes = await context.checkpoint.read();
  const checkpoint = bytes && decodeCheckpoint(bytes, { epochs, model: context.inputs.model });
  if (bytes && !checkpoint)
    context.checkpoint.refuse('its checkpoint does not belong to this training, so it starts again');
  try {
    return await trainFrom(context, training, checkpoint);
  } catch (error) {
    if (checkpoint && (error instanceof TrainingStateError || error instanceof SafetensorsError)) {
      context.checkpoint.refuse(`${error.message}: training starts again`);
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
): Promise<{ model: NetworkModel; history: Metrics }> {
  const { params, inputs, seed, signal } = context;
  const { pause, everySteps } = context.checkpoint;
  const rows: MetricsRow[] = [...(checkpoint?.rows ?? [])];
  let best = checkpoint?.best ?? null;
  if (checkpoint) {
    const steps = checkpoint.step === 0 ? '' : ` and ${checkpoint.step} steps of the next`;
    context.log(`going on after epoch ${rows.length} of ${params.epochs}${steps}`);
  }
  const { epochs, batchSize, learningRate, momentum, weightDecay, nesterov, labelSmoothing, ema } = params;
  const { divergence, augment, adversary } = training;
  const pace = checkpointPace(everySteps, () => performance.now());
  const save = (state: () => Promise<Uint8Array>): Promise<void> =>
    pace.write(async () => context.checkpoint.write(encodeCheckpoint({ rows, best, state: await state() })));
  let taken = 0;
  const last: { state?: () => Promise<Uint8Array> } = {};
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
    ...(ema !== undefined && { ema }),
    ...(augment && { augment }),
    ...(adversary && { adversary }),
    ...(checkpoint && { resume: checkpoint.state }),
    progress: (done, total) => context.progress(done, total, 'images'),
    onStep: async ({ state }) => {
      taken++;
      last.state = state;
      if (!pause.aborted && !pace.isDue(taken)) return;
      await save(state);
      if (pause.aborted) throw new PausedError();
    },
    onEpoch: async (report) => {
      try {
        const trained = await report.model();
        const row = await epochRow(context, training, report, trained);
        rows.push(row);
        if (params.keep === 'best' && isBest(rows)) best = { epoch: report.epoch, weights: trained.weights };
      } catch (error) {
        // Nothing has changed since the last step: the epoch is measured again.
        if (error instanceof PausedError && last.state !== undefined) await save(last.state);
        throw error;
      }
      if (pause.aborted || pace.isDueAfterEpoch()) await save(report.state);
      if (pause.aborted && report.epoch < epochs) throw new PausedError();
    },
  });
  warnIfNothingLearned(context, rows, best);
  const kept = best === null ? model : { ...model, weights: best.weights };
  return { model: kept, history: { kind: 'metrics', rows: markKept(context, rows, best), warnings: [] } };
}

/** Fewer steps than these need not have got anywhere. */
const stepsToLearn = 100;
/** A network that has learned nothing at a rate below this has rather not moved than diverged. */
const smallRate = 1e-4;

/**
 * Warns if the last epoch, or that whose weights are kept, is not above what the same answer for every image would have been, but
 * for chance (a 95 % interval): a network whose loss is finite may still have diverged. Its accuracy is measured while it changes,
 * so it need not be that of one answer exactly. Images of the validation that are classified above that are enough not to warn,
 * because an adversary may leave nothing right of what was learned.
 */
function warnIfNothingLearned(
  { params, inputs, warn }: TrainingContext,
  rows: readonly MetricsRow[],
  best: BestWeights | null,
): void {
  const { labels } = inputs.images;
  const { epochs, batchSize, learningRate } = params;
  if (epochs * Math.ceil(labels.length / batchSize) < stepsToLearn) return;
  const kept = rows[(best?.epoch ?? rows.length) - 1]?.values ?? {};
  const accuracy = kept['accuracy'] ?? kept['adversarialAccuracy'];
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const constant = Math.max(...counts.values()) / labels.length;
  const validated = kept['validationAccuracy'];
  if (typeof accuracy !== 'number' || counts.size < 2) return;
  if (isAbove(accuracy, labels.length, constant)) return;
  if (typeof validated === 'number' && isAbove(validated, inputs.validation?.ids.length ?? 0, constant))
    return;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const advice =
    learningRate < smallRate
      ? `raise learningRate (now ${learningRate})`
      : `lower learningRate (now ${learningRate}), let it rise with schedule: { warmUp: 1 } or schedule: { kind: one-cycle }, or train for more epochs`;
  warn(
    `the network has learned nothing: in epoch ${best?.epoch ?? rows.length} it classified ${percent(accuracy)} of the ${kept['accuracy'] === undefined ? 'adversarial images' : 'images'} correctly, ` +
      `and the same answer for all would be right for ${percent(constant)}; ${advice}`,
  );
}

/** Whether a share of n images is above another by more than chance explains. */
function isAbove(share: number, n: number, constant: number): boolean {
  const interval = wilsonInterval(Math.round(share * n), n);
  return interval !== null && interval.low > constant;
}

async function epochRow(
  context: TrainingContext,
  { measure }: Training,
  report: EpochReport,
  trained: NetworkModel,
): Promise<MetricsRow> {
  const { epoch, loss, accuracy, adversarialAccuracy, learningRate } = report;
  const { validation } = context.inputs;
  const values: Record<string, number> = {
    loss,
    ...(accuracy !== null && { accuracy }),
    ...(adversarialAccuracy !== null && { adversarialAccuracy }),
    learningRate,
  };
  if (validation) {
    values['validationAccuracy'] = await accuracyOf(trained, validation, context);
    Object.assign(values, await measure?.(trained, validation, epoch));
  }
  for (const [name, value] of Object.entries(values)) context.metric(name, value, { epoch });
  const shown = Object.entries(values).map(([name, value]) => `${name} ${value.toPrecision(4)}`);
  context.log(`epoch ${epoch} of ${context.params.epochs}: ${shown.join(', ')}`);
  return { axes: { epoch }, values };
}

/** Whether the last epoch is better than all before it, on the validation images that its adversary perturbed if it has one. */
function isBest(rows: readonly MetricsRow[]): boolean {
  const scores = rows.map(
    ({ values }) => values['validationAdversarialAccuracy'] ?? values['validationAccuracy'] ?? null,
  );
  const last = scores.at(-1) ?? null;
  return last !== null && scores.slice(0, -1).every((score) => score === null || score < last);
}

/** Says in each row whether its weights are those that are kept, if the best are. */
function markKept(
  context: TrainingContext,
  rows: readonly MetricsRow[],
  best: BestWeights | null,
): readonly MetricsRow[] {
  if (best === null) return rows;
  context.metric('bestEpoch', best.epoch);
  // The values of the weights that are kept come last, for the last ones are shown as the result of the training.
  const kept = rows.find(({ axes }) => axes['epoch'] === best.epoch);
  for (const [name, value] of Object.entries(kept?.values ?? {}))
    if (value !== null) context.metric(name, value);
  context.log(`kept the weights after epoch ${best.epoch}, which did best on the validation images`);
  return rows.map(({ axes, values }) => ({
    axes,
    values: { ...values, kept: axes['epoch'] === best.epoch ? 1 : 0 },
  }));
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
