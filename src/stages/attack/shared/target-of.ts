import type { TargetDissimilarity } from '../../../attacks/attack.ts';
import { pixelSpace } from '../../../attacks/dissimilarity.ts';
import { attackedModels, type AttackInputs } from './open-target.ts';
import { isNormalized, type Preset, type TargetParameters } from './strength.ts';

/** The target dissimilarity that the parameters set; undefined if they set none. */
export function targetOf(
  params: TargetParameters & { readonly like?: Preset },
  inputs: Pick<AttackInputs, 'model' | 'models'>,
): TargetDissimilarity | undefined {
  const { dissimilarity, per, tolerance } = params;
  if (dissimilarity === undefined) return undefined;
  const space = isNormalized(params) ? attackedModels(inputs)[0].preprocessing : pixelSpace;
  return { dissimilarity, per, tolerance, space };
}
