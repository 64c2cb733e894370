import { Type } from '@sinclair/typebox';
import type { DeepFoolOptions } from '../../attacks/deepfool.ts';
import type { Seed } from '../../tensors/random.ts';
import { attackStage } from './shared/attack-stage.ts';
import { targetedParameter } from './shared/goal.ts';
import type { Preset } from './shared/strength.ts';

/** DeepFool (Moosavi-Dezfooli et al. 2016; Guo et al. 2018, section 3: five steps, all classes). */
export const deepfoolStage = attackStage({
  uses: 'attack/deepfool',
  version: 3,
  summary: 'DeepFool: steps to the nearest linearised boundary until the image is misclassified',
  strength: {
    name: 'stepScale',
    unit: 'factor',
    minimum: 0,
    maximum: 10_000,
    natural: 1.02,
    description: 'factor on each step, 1 + overshoot: 1.02 if no strength is given',
  },
  presets:
    'foolbox: the 10 classes that are most likely at the original, each distance plus 1e-4, steps added up before clipping; torchattacks: no least distance, so that ties stay',
  with: {
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 10_000,
      default: 5,
      description: 'maximum number of steps of an image',
    }),
    candidates: Type.Optional(
      Type.Union([Type.Literal('all'), Type.Integer({ unit: 'classes', minimum: 2 })], {
        description:
          'classes considered, the true one included: all, or this number of the most likely ones at the original; all if absent (10 like foolbox)',
      }),
    ),
    ...targetedParameter,
  },
  example: { steps: 5 },
  draws: false,
  check: ({ targeted, candidates }) =>
    targeted !== undefined && candidates !== undefined
      ? [
          {
            path: ['candidates'],
            message: 'a targeted attack goes to one class, so candidates has no effect',
            fix: 'remove candidates or targeted',
          },
        ]
      : [],
  prepares: () => ({ what: 'first-step', without: { steps: 1 } }),
  // A gradient for each class that is considered. Few digits need more than two steps, photographs of 1,000 classes three to four.
  effort: (params, classes) => {
    if (params.targeted !== undefined) return { steps: params.steps, gradientsPerStep: 3 / 2 };
    const { candidates } = deepFoolOptions(params, [0, 0]);
    const considered = candidates === 'all' ? classes : Math.min(candidates, classes);
    return { steps: Math.min(params.steps, classes > 100 ? 3.5 : 2), gradientsPerStep: (1 + considered) / 2 };
  },
  attack: async (params, seed) => {
    const { deepFool } = await import('../../attacks/deepfool.ts');
    return deepFool(deepFoolOptions(params, seed));
  },
});

interface DeepFoolParameters {
  readonly like?: Preset;
  readonly steps: number;
  readonly candidates?: 'all' | number;
  readonly targeted?: NonNullable<DeepFoolOptions['targeted']>;
}

/** The attack's options, with the changes of `like`. */
export function deepFoolOptions(
  { steps, candidates, like, targeted }: DeepFoolParameters,
  seed: Seed,
): DeepFoolOptions {
  const foolbox = like === 'foolbox';
  return {
    steps,
    candidates: candidates ?? (foolbox ? 10 : 'all'),
    minimumDistance: foolbox || like === 'torchattacks' ? 0 : 1e-4,
    addedDistance: foolbox ? 1e-4 : 0,
    cumulative: foolbox,
    seed,
    ...(targeted === undefined ? {} : { targeted }),
  };
}
