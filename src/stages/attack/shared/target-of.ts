import type { TargetDissimilarity } from '../../../attacks/attack.ts';
import { pixelSpace } from '../../../attacks/dissimilarity.ts';
import { StageError } from '../../../runtime/stage.ts';
import { isNetworkModel, type Model, type Preprocessing } from '../../../values/model.ts';
import { attackedModels, type AttackInputs } from './open-target.ts';
import { isNormalized, type Preset, type TargetParameters } from './strength.ts';

/** The target dissimilarity that the parameters set; undefined if they set none. */
export function targetOf(
  params: TargetParameters & { readonly like?: Preset },
  inputs: Pick<AttackInputs, 'model' | 'models'>,
): TargetDissimilarity | undefined {
  const { dissimilarity, per, tolerance } = params;
  if (dissimilarity === undefined) return undefined;
  const space = isNormalized(params) ? preprocessingOf(attackedModels(inputs)[0]) : pixelSpace;
  return { dissimilarity, per, tolerance, space };
}

function preprocessingOf(model: Model): Preprocessing {
  if (isNetworkModel(model)) return model.preprocessing;
  throw new StageError(
    'the dissimilarity of normalised pixels needs the mean and std of the model, and a model in Python does not report them',
    {
      fix: 'measure it in pixels: remove space: normalized and like:',
    },
  );
}
