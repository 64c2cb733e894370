import { type Collected, type StageContext, StageError } from '../../../runtime/stage.ts';
import type { Batch } from '../../../training/batches.ts';
import type { ImageRows } from '../../../values/image-rows.ts';
import type { Metrics } from '../../../values/metrics.ts';
import type { NetworkModel } from '../../../values/model.ts';
import { checkImageShape, checkLabels } from '../../shared/model-input.ts';
import { openAdversary, type OpenAdversary } from './adversary.ts';
import { adversaryOf, type AdversaryParameters } from './adversary-parameters.ts';
import { drawEachEpoch, prepareBatch } from './prepare-batch.ts';
import { openTraining, runTraining, type TrainingInputs, type TrainingParameters } from './run-sgd.ts';
import { accuracyOf } from './validation.ts';

type AdversarialContext = StageContext<
  TrainingParameters & AdversaryParameters,
  TrainingInputs & { readonly sources?: readonly Collected<NetworkModel>[] }
>;

/**
 * Trains on adversarial images: each batch is augmented, then perturbed against the model as it is, behind the
 * defense if there is one, and then the defense is drawn.
 */
export async function runAdversarial(
  context: AdversarialContext,
): Promise<{ model: NetworkModel; history: Metrics }> {
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
function sourcesOf({ params: { method }, inputs }: AdversarialContext): readonly NetworkModel[] {
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
  model: NetworkModel,
  validation: ImageRows,
  epoch: number,
  draw: ReturnType<typeof drawEachEpoch>,
): Promise<Record<string, number>> {
  const { views } = validation;
  const accuracy = await accuracyOf(model, validation, context, async (part) => {
    const labels = part.ids.map((_, row) => part.labels[Math.floor(row / views)]!);
    const place = { epoch, step: validationStep };
    const perturbed = await perturbAll({ ...part, labels }, model.weights, place);
    return draw === undefined ? perturbed : draw(perturbed, part.shape, part.ids, epoch);
  });
  return { validationAdversarialAccuracy: accuracy };
}

/** A step that no training takes, so that validation draws apart from it. */
const validationStep = 0xffffffff;
