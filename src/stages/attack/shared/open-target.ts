import { ensembleClassifier } from '../../../attacks/ensemble-classifier.ts';
import { throughTransform } from '../../../attacks/through-transform.ts';
import type { Classifier } from '../../../models/classifier.ts';
import { type Collected, type StageContext, StageError } from '../../../runtime/stage.ts';
import { openBackend } from '../../../tensors/backend.ts';
import type { Images } from '../../../values/images.ts';
import type { Model } from '../../../values/model.ts';
import type { Transform } from '../../../values/transform.ts';
import { checkImageShape, checkLabels } from '../../shared/model-input.ts';
import { openRecipe } from '../../shared/open-recipe.ts';
import { warmClassifier } from '../../shared/warm-classifier.ts';
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
  {
    inputs,
    backend,
    seed,
    signal,
    stages,
  }: Pick<StageContext<unknown, TargetInputs>, 'inputs' | 'backend' | 'seed' | 'signal' | 'stages'>,
  images: Images,
  { eot, average, backward }: ThroughParameters,
  earlierQueries = 0,
): Promise<Classifier> {
  checkModels(inputs, images);
  const transform = inputs.through && (await openRecipe(inputs.through, images, stages));
  await openBackend(backend);
  const members = await openAll(attackedModels(inputs), backend);
  const bare = members.length === 1 ? members[0]! : ensembleClassifier(members, average);
  if (transform === undefined) return bare;
  const draws = { draws: eot, seed: transform.seedFor('attack', seed) };
  return throughTransform(bare, transform, { ...draws, earlierQueries, average, backward, signal });
}

function checkModels(inputs: TargetInputs, images: Images): void {
  const models = attackedModels(inputs);
  const [{ network }] = models;
  for (const model of models) {
    checkImageShape(images, model);
    checkLabels(images, model);
    const { classes } = model.network;
    if (classes === network.classes) continue;
    throw new StageError(
      `all models of an ensemble must have the same classes; found ${network.classes} and ${classes}`,
      { code: 'bad-data', fix: 'attack models of the same classes together' },
    );
  }
}

/** Opens all models, or none if one fails. */
async function openAll(models: readonly Model[], backend: string): Promise<readonly Classifier[]> {
  const opened: Classifier[] = [];
  try {
    for (const model of models) opened.push(await warmClassifier(model, backend));
    return opened;
  } catch (error) {
    for (const classifier of opened) classifier.dispose();
    throw error;
  }
}
