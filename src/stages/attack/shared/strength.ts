import { linfProblems } from '../../shared/linf-problems.ts';
import { smallRadiusProblems } from '../../shared/small-radius.ts';
import { type TSchema, Type } from '@sinclair/typebox';
import type { ParameterProblem } from '../../../runtime/stage.ts';

/** Presets that reproduce other implementations; fb is the code of Guo et al. */
export type Preset = 'foolbox' | 'torchattacks' | 'fb';

/**
 * The parameter `like`, which chooses a preset of another implementation. `presets` says what each preset changes.
 */
export function likeParameter(presets: string): TSchema {
  return Type.Optional(
    Type.Union([Type.Literal('foolbox'), Type.Literal('torchattacks'), Type.Literal('fb')], {
      description: `compute as another implementation; ${presets}; fb (the code of Guo et al.): dissimilarity in the normalized space`,
    }),
  );
}

/** Values of the parameters of a target dissimilarity. */
export interface TargetParameters {
  readonly dissimilarity?: number;
  readonly pilot: number | 'all';
  readonly space: 'pixel' | 'normalized';
  readonly per: 'set' | 'image';
  readonly tolerance: number;
}

/**
 * Parameters that all attacks share: a target dissimilarity (Guo et al. 2018, equation 1) instead of the
 * attack's own strength.
 */
export const targetParameters = {
  dissimilarity: Type.Optional(
    Type.Number({
      unit: '‖x′ − x‖₂ / ‖x‖₂',
      minimum: 0,
      maximum: 100,
      description:
        "target dissimilarity: mean over the images of ‖x′ − x‖₂ / ‖x‖₂ after clipping, reached by searching the attack's own strength",
    }),
  ),
  space: Type.Union([Type.Literal('pixel'), Type.Literal('normalized')], {
    default: 'pixel',
    description:
      'where the dissimilarity is measured: on [0, 1] pixels, or after the mean and std of the model',
  }),
  per: Type.Union([Type.Literal('set'), Type.Literal('image')], {
    default: 'set',
    description: 'one strength for all images, whose mean reaches the target, or one strength for each image',
  }),
  pilot: Type.Union([Type.Integer({ unit: 'images', minimum: 1 }), Type.Literal('all')], {
    default: 1000,
    description:
      'images, from the first on, on which the strength for a set is found; the others are attacked at that strength, so more images compute new shards only',
  }),
  tolerance: Type.Number({
    unit: 'share',
    minimum: 1e-6,
    maximum: 0.5,
    default: 0.01,
    description: 'accepted relative deviation from the target',
  }),
};

/** Whether the dissimilarity is measured after the normalisation of the model. */
export function isNormalized({
  space,
  like,
}: Pick<TargetParameters, 'space'> & { readonly like?: Preset }): boolean {
  return space === 'normalized' || like === 'fb';
}

/** Whether one strength for the whole set is to be found. */
export function searchesSet({ dissimilarity, per }: TargetParameters): boolean {
  return dissimilarity !== undefined && dissimilarity > 0 && per === 'set';
}

/**
 * Requires that either `dissimilarity` or the attack's own parameters `names` give the strength. An attack
 * with a natural strength needs neither.
 */
export function checkStrength(
  params: Readonly<Record<string, unknown>>,
  names: readonly string[],
  hasNatural: boolean,
): readonly ParameterProblem[] {
  const given = names.filter((name) => params[name] !== undefined);
  const tooLarge = params['norm'] === 'linf' ? linfProblems(params, ['epsilon', 'stepSize']) : [];
  if (tooLarge.length > 0) return tooLarge;
  const tooSmall = smallRadiusProblems(params, ['epsilon']);
  const all = names.map((name) => `'${name}'`).join(' or ');
  if (params['dissimilarity'] === undefined) {
    if (given.length > 0 || hasNatural) return tooSmall;
    return [
      {
        path: [],
        message: `the attack has no strength: neither ${all} nor 'dissimilarity' is given`,
        fix: `add ${names[0]!}: 8/255, or dissimilarity: 0.06`,
      },
    ];
  }
  return given.map((name) => ({
    path: [name],
    message: `'${name}' and 'dissimilarity' both set the strength`,
    fix: `remove one of them`,
  }));
}
