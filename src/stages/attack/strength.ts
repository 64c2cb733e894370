import { type TSchema, Type } from '@sinclair/typebox';

/** What `runAttack` reads of the parameters. */
export interface AttackParameters {
  readonly dissimilarity?: number;
  readonly space: 'pixel' | 'normalized';
  readonly per: 'set' | 'image';
  readonly tolerance: number;
  readonly targeted?: unknown;
  readonly like?: 'foolbox' | 'torchattacks' | 'fb';
}

/** Preset that makes an attack compute what another implementation does. */
export function likeParameter(presets: string): TSchema {
  return Type.Optional(
    Type.Union([Type.Literal('foolbox'), Type.Literal('torchattacks'), Type.Literal('fb')], {
      description: `compute as another implementation; ${presets}; fb (the code of Guo et al.): dissimilarity in the normalized space`,
    }),
  );
}

/**
 * Parameters that every attack shares: its strength as a target dissimilarity (Guo et al. 2018, equation 1) instead of
 * its own knob.
 */
export const targetParameters = {
  dissimilarity: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 100,
      description:
        'target strength: mean over the images of ‖x′ − x‖₂ / ‖x‖₂ after clipping, reached by searching for the knob',
    }),
  ),
  space: Type.Union([Type.Literal('pixel'), Type.Literal('normalized')], {
    default: 'pixel',
    description:
      'where the dissimilarity is measured: on [0, 1] pixels, or after the mean and std of the model',
  }),
  per: Type.Union([Type.Literal('set'), Type.Literal('image')], {
    default: 'set',
    description: 'one knob for all images whose mean reaches the target, or one knob for each image',
  }),
  tolerance: Type.Number({
    minimum: 1e-6,
    maximum: 0.5,
    default: 0.01,
    description: 'accepted relative deviation from the target',
  }),
};

/** A target over a whole set needs all images at once; everything else is one image at a time. */
export function attackShard(params: AttackParameters): 'images' | 'whole' {
  return params.dissimilarity !== undefined && params.per === 'set' ? 'whole' : 'images';
}

export interface StrengthProblem {
  readonly path: readonly string[];
  readonly message: string;
  readonly fix: string;
}

/** One of `dissimilarity` and the attack's own `knobs` gives the strength, unless the attack has a natural one. */
export function checkStrength(
  params: Readonly<Record<string, unknown>>,
  knobs: readonly string[],
  natural = false,
): readonly StrengthProblem[] {
  const given = knobs.filter((knob) => params[knob] !== undefined);
  const all = knobs.map((knob) => `'${knob}'`).join(' or ');
  if (params['dissimilarity'] === undefined) {
    if (given.length > 0 || natural) return [];
    return [
      {
        path: [],
        message: `no strength: give ${all}, or 'dissimilarity'`,
        fix: `add ${knobs[0]!}: 8/255, or dissimilarity: 0.06`,
      },
    ];
  }
  return given.map((knob) => ({
    path: [knob],
    message: `'${knob}' and 'dissimilarity' both set the strength`,
    fix: `remove one of them`,
  }));
}
