import { allRows } from '../../../attacks/images.ts';
import { type Collected, type StageContext, StageError } from '../../../runtime/stage.ts';
import { type Batch, readBatch } from '../../../training/batches.ts';
import type { Images } from '../../../values/images.ts';
import type { Metrics } from '../../../values/metrics.ts';
import type { Model } from '../../../values/model.ts';
import { checkImageShape, checkLabels } from '../../shared/model-input.ts';
import { openAdversary, type OpenAdversary } from './adversary.ts';
import { adversaryOf, type AdversaryParameters } from './adversary-parameters.ts';
import { drawEachEpoch, prepareBatch } from './prepare-batch.ts';
import {
  accuracyOf,
  openTraining,
  runTraining,
  type TrainingInputs,
  type TrainingParameters,
} from './run-sgd.ts';

type AdversarialContext = StageContext<
  TrainingParameters & AdversaryParameters,
  TrainingInputs & { readonly sources?: readonly Collected<Model>[] }
>;

/**
 * Trains on adversarial images: each batch is augmented, then perturbed against the model as it is, behind the
 * defense if there is one, and then the defense is drawn.
 */
export async function runAdversarial(
  context: AdversarialContext,
): Promise<{ model: Model; history: Metrics }> {
  const { params, inputs, seed, signal, batchSizes } = context;
  const sources = sourcesOf(context);
  const transform = await openTraining(context);
  const open = await openAdversary(inputs.model, sources, {
    ...adversaryOf(params),
    seed,
    transform,
    hooks: { signal, batchSizes },
  });
  const draw = drawEachEpoch(transform, seed, signal);
  try {
    return await runTraining(context, {
      divergence: params.method === 'trades' ? params.beta : 0,
      augment: prepareBatch({ augment: params.augment, seed, signal }),
      adversary: async (batch, place, weights) => {
        const { pixels, counterparts, ...perturbed } = await open.adversary(batch, place, weights);
        const drawn = async (some: Float32Array): Promise<Float32Array> =>
          draw === undefined ? some : draw(some, batch.shape, batch.ids, place.epoch);
        const result: Batch = { ...perturbed, pixels: await drawn(pixels) };
        return counterparts === undefined ? result : { ...result, counterparts: await drawn(counterparts) };
      },
      measure: (model, validation, epoch) =>
        measureAdversarial(context, open, model, validation, epoch, draw),
    });
  } finally {
    open.dispose();
  }
}

/** The models of an ensemble, which take the images of the training. */
function sourcesOf({ params: { method }, inputs }: AdversarialContext): readonly Model[] {
  const { model, images, sources = [] } = inputs;
  if (method !== 'ensemble') {
    if (sources.length > 0)
      throw new StageError(`'sources' are for method: ensemble, and this is ${method}`, {
        fix: 'leave sources out, or set method: ensemble',
      });
    return [];
  }
  if (sources.length === 0)
    throw new StageError('an ensemble needs sources: models that were trained before', {
      fix: 'name them under in: sources, or use method: fgsm',
    });
  for (const { value } of sources) {
    checkImageShape(images, value);
    checkLabels(images, value);
    const { classes } = value.network;
    if (classes !== model.network.classes)
      throw new StageError(
        `a source has ${classes} classes, but the model in training has ${model.network.classes}`,
        { code: 'bad-data', fix: 'name sources for the same classes' },
      );
  }
  return sources.map(({ value }) => value);
}

/** Accuracy on the validation images after the adversary, and one draw of the defense if there is one. */
async function measureAdversarial(
  context: AdversarialContext,
  { perturbAll }: OpenAdversary,
  model: Model,
  validation: Images,
  epoch: number,
  draw: ReturnType<typeof drawEachEpoch>,
): Promise<Record<string, number>> {
  const { shape, views, labels } = validation;
  const rows = readBatch(validation, allRows(shape[0]), 0, shape[0]);
  const perturbed = await perturbAll(rows, model.weights, { epoch, step: validationStep });
  const pixels = draw === undefined ? perturbed : await draw(perturbed, shape, rows.ids, epoch);
  return {
    validationAdversarialAccuracy: await accuracyOf(model, { pixels, shape, views, labels }, context),
  };
}

/** A step that no training takes, so that validation draws apart from it. */
const validationStep = 0xffffffff;
