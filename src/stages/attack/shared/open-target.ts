import { ensembleClassifier } from '../../../attacks/ensemble-classifier.ts';
import { throughTransform } from '../../../attacks/through-transform.ts';
import type { Classifier } from '../../../models/classifier.ts';
import { type Collected, type StageContext, StageError } from '../../../runtime/stage.ts';
import { openBackend } from '../../../tensors/backend.ts';
import type { Images } from '../../../values/images.ts';
import { classesOf, type Model } from '../../../values/model.ts';
import type { Transform } from '../../../values/transform.ts';
import { checkImageShape, checkLabels } from '../../shared/model-input.ts';
import { openRecipe } from '../../shared/open-recipe.ts';
import { type ModelContext, warmClassifier } from '../../shared/warm-classifier.ts';
import type { ThroughParameters } from './target.ts';

/** The attacked inputs: `model` or `models`, and a defense to go through. */
export interface TargetInputs {
  readonly model?: Model;
  readonly models?: readonly Collected<Model>[];
  readonly through?: Transform;
}

/** Inputs of an attack stage. */
export interface AttackInputs extends TargetInputs {
  readonly images: Images;
}

/** The attacked models, one or more. */
export function attackedModels({
  model,
  models,
}: Pick<AttackInputs, 'model' | 'models'>): readonly [Model, ...Model[]] {
  const [first, ...rest] = model === undefined ? (models ?? []).map(({ value }) => value) : [model];
  if (first !== undefined) return [first, ...rest];
  throw new StageError("'models' is an empty list", { fix: 'name at least one model' });
}

/**
 * Opens the classifier that the attack sees, on the stage's backend: the model or the ensemble, behind the
 * defense if one is given, whose draws go on after those of `earlierQueries` for each image. The caller disposes it. Throws `StageError` for images that one of the models or
 * the defense cannot take.
 */
export async function openTarget(
  context: Pick<StageContext<unknown, TargetInputs>, 'inputs' | 'seed' | 'signal' | 'stages'> & ModelContext,
  images: Images,
  { eot, average, backward }: ThroughParameters,
  earlierQueries = 0,
): Promise<Classifier> {
  const { inputs, seed, signal, stages } = context;
  checkModels(inputs, images);
  const transform = inputs.through && (await openRecipe(inputs.through, images, stages));
  await openBackend(context.backend);
  const members = await openAll(attackedModels(inputs), context);
  const bare = members.length === 1 ? members[0]! : ensembleClassifier(members, average);
  if (transform === undefined) return bare;
  const draws = { draws: eot, seed: transform.seedFor('attack', seed) };
  return throughTransform(bare, transform, { ...draws, earlierQueries, average, backward, signal });
}

function checkModels(inputs: TargetInputs, images: Images): void {
  const models = attackedModels(inputs);
  const expected = classesOf(models[0]);
  for (const model of models) {
    checkImageShape(images, model);
    checkLabels(images, model);
    const classes = classesOf(model);
    if (classes === expected) continue;
    throw new StageError(
      `all models of an ensemble must have the same classes; found ${expected} and ${classes}`,
      { code: 'bad-data', fix: 'list only models with the same classes under models:' },
    );
  }
}

/** Opens all models, or none if one fails. */
async function openAll(models: readonly Model[], context: ModelContext): Promise<readonly Classifier[]> {
  const opened: Classifier[] = [];
  try {
    for (const model of models) opened.push(await warmClassifier(model, context));
    return opened;
  } catch (error) {
    for (const classifier of opened) classifier.dispose();
    throw error;
  }
}
