import { ensembleClassifier } from '../../attacks/ensemble-classifier.ts';
import { throughTransform } from '../../attacks/through-transform.ts';
import { seedFor } from '../../defenses/apply.ts';
import type { Classifier } from '../../models/classifier.ts';
import { type Collected, type StageContext, StageError } from '../../runtime/stage.ts';
import { openBackend } from '../../tensors/backend.ts';
import type { Images } from '../../values/images.ts';
import type { Model } from '../../values/model.ts';
import type { Transform } from '../../values/transform.ts';
import { checkDefensible } from '../defense/defend.ts';
import { checkImageShape, checkLabels } from '../model-input.ts';
import { warmClassifier } from '../warm-classifier.ts';
import type { TargetParameters } from './target.ts';

/** What an attack stage is given: `model` or `models`, and a defense to go through. */
export interface AttackInputs {
  readonly model?: Model;
  readonly models?: readonly Collected<Model>[];
  readonly images: Images;
  readonly through?: Transform;
}

/** The attacked models, one or more. */
export function attackedModels({ model, models }: AttackInputs): readonly [Model, ...Model[]] {
  const [first, ...rest] = model === undefined ? (models ?? []).map(({ value }) => value) : [model];
  if (first !== undefined) return [first, ...rest];
  throw new StageError("'models' is an empty list", { fix: 'name at least one model' });
}

/** Throws `StageError` for images that one of the models or the defense cannot take. */
export function checkTarget(inputs: AttackInputs): void {
  const models = attackedModels(inputs);
  const [{ network }] = models;
  for (const model of models) {
    checkImageShape(inputs.images, model);
    checkLabels(inputs.images, model);
    const { classes } = model.network;
    if (classes === network.classes) continue;
    throw new StageError(
      `the models know ${network.classes} and ${classes} classes, so they are no ensemble`,
      {
        code: 'bad-data',
        fix: 'attack models of the same classes together',
      },
    );
  }
  if (inputs.through) checkDefensible(inputs.images, inputs.through);
}

/**
 * The classifier that an attack sees, on the stage's backend: the model or the ensemble, behind the defense where one is given. The caller
 * disposes it.
 */
export async function openTarget(context: StageContext<TargetParameters, AttackInputs>): Promise<Classifier> {
  const { inputs, params, signal } = context;
  await openBackend(context.backend);
  const members = await openAll(attackedModels(inputs), context.backend);
  const bare = members.length === 1 ? members[0]! : ensembleClassifier(members, params.average);
  const { through } = inputs;
  if (through === undefined) return bare;
  const { eot: draws, average, backward } = params;
  return throughTransform(bare, through, {
    draws,
    average,
    backward,
    seed: seedFor(through, 'attack'),
    signal,
  });
}

/** Opens all or none. */
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
