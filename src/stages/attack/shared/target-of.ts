import type { TargetDissimilarity } from '../../../attacks/attack.ts';
import { pixelSpace } from '../../../attacks/dissimilarity.ts';
import { attackedModels, type AttackInputs } from './open-target.ts';
import type { Preset, TargetParameters } from './strength.ts';

/** The target dissimilarity that the parameters set; undefined if they set none. */
export function targetOf(
  { dissimilarity, per, tolerance, space, like }: TargetParameters & { readonly like?: Preset },
  inputs: AttackInputs,
): TargetDissimilarity | undefined {
  if (dissimilarity === undefined) return undefined;
  const isNormalized = space === 'normalized' || like === 'fb';
  const [model] = attackedModels(inputs);
  return { dissimilarity, per, tolerance, space: isNormalized ? model.preprocessing : pixelSpace };
}
