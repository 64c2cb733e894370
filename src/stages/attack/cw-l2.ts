import { Type } from '@sinclair/typebox';
import type { CarliniWagnerOptions } from '../../attacks/cw-l2.ts';
import type { Seed } from '../../tensors/random.ts';
import { attackStage } from './shared/attack-stage.ts';
import { targetedParameter } from './shared/goal.ts';
import type { Preset } from './shared/strength.ts';

/** Carlini and Wagner's L2 attack (2017; Guo et al. 2018, section 3: κ 0, λ 10, 100 steps of Adam). */
export const cwL2Stage = attackStage({
  uses: 'attack/cw-l2',
  version: 3,
  summary: "Carlini and Wagner's L2 attack: the smallest perturbation with a margin in the logits, by Adam",
  strength: {
    name: 'scale',
    unit: 'factor',
    minimum: 1,
    maximum: 10_000,
    natural: 1,
    description: 'factor on the perturbation that was found: 1 if no strength is given',
  },
  presets:
    'foolbox: tanh space from pixels × 0.999999, an image ends when its loss did not fall by 0.01 % in a tenth of the steps, and is the original if no step succeeded; torchattacks: tanh space, an image ends when its loss rose, and is the original if no step succeeded',
  with: {
    lambda: Type.Number({
      unit: 'weight',
      exclusiveMinimum: 0,
      default: 10,
      description: "weight of the logits' term; the first value tried if it is searched",
    }),
    kappa: Type.Number({
      unit: 'logits',
      minimum: 0,
      default: 0,
      description: 'margin in the logits to be reached',
    }),
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 100_000,
      default: 100,
      description: 'steps of Adam',
    }),
    learningRate: Type.Number({
      unit: 'unit of the variable',
      exclusiveMinimum: 0,
      default: 0.001,
      description: "Adam's, in units of the variable",
    }),
    variable: Type.Optional(
      Type.Union([Type.Literal('clip'), Type.Literal('tanh')], {
        description:
          'minimise over pixels, clipped after each step, or over w with pixels (tanh w + 1) / 2; clip if absent',
      }),
    ),
    radius: Type.Optional(
      Type.Number({
        unit: 'pixel value',
        exclusiveMinimum: 0,
        description:
          'radius of the L2 ball around the original onto which each step is projected, in units of [0, 1] pixels of the whole image; no ball if absent',
      }),
    ),
    searchSteps: Type.Integer({
      unit: 'values of lambda',
      minimum: 1,
      maximum: 100,
      default: 1,
      description:
        'values of lambda tried for each image: tenfold until one succeeds, then bisected; 1: lambda itself',
    }),
    stopEarly: Type.Boolean({
      default: false,
      description: 'end an image when its loss did not fall by 0.01 % in a tenth of the steps',
    }),
    keep: Type.Union([Type.Literal('best'), Type.Literal('last')], {
      default: 'best',
      description:
        'the adversarial image nearest to the original among all steps (the last step if there is none), or the last step',
    }),
    ...targetedParameter,
  },
  example: { steps: 20, learningRate: 0.01 },
  check: (params) =>
    params.radius !== undefined && carliniWagnerOptions(params, [0, 0]).variable === 'tanh'
      ? [
          {
            path: ['radius'],
            message: 'steps in tanh space are not projected onto a ball',
            fix: 'remove radius, or set variable: clip',
          },
        ]
      : [],
  draws: false,
  prepares: () => ({ what: 'direction' }),
  effort: ({ steps, searchSteps }) => ({ steps: steps * searchSteps, gradientsPerStep: 1 }),
  // With a margin or a budget of its own it does not end at the boundary.
  goFartherBy: ({ kappa, radius }, byStrength) =>
    kappa > 0 || radius !== undefined ? undefined : byStrength,
  attack: async (params, seed) => {
    const { carliniWagner } = await import('../../attacks/cw-l2.ts');
    return carliniWagner(carliniWagnerOptions(params, seed));
  },
});

interface CarliniWagnerParameters extends Pick<
  CarliniWagnerOptions,
  'lambda' | 'kappa' | 'steps' | 'learningRate' | 'searchSteps' | 'keep'
> {
  readonly like?: Preset;
  readonly variable?: CarliniWagnerOptions['variable'];
  readonly targeted?: NonNullable<CarliniWagnerOptions['targeted']>;
  readonly stopEarly: boolean;
  readonly radius?: number;
}

/** The attack's options, with the changes of `like`. */
export function carliniWagnerOptions(params: CarliniWagnerParameters, seed: Seed): CarliniWagnerOptions {
  const { lambda, kappa, steps, learningRate, searchSteps, keep, targeted, like, radius } = params;
  const library = like === 'foolbox' || like === 'torchattacks';
  const stops = params.stopEarly || library;
  return {
    lambda,
    kappa,
    steps,
    learningRate,
    searchSteps,
    keep,
    variable: params.variable ?? (library ? 'tanh' : 'clip'),
    shrink: like === 'torchattacks' ? 1 : 0.999999,
    ...(stops ? { stopAbove: like === 'torchattacks' ? 1 : 0.9999 } : {}),
    otherwise: library ? 'original' : 'last',
    seed,
    ...(targeted === undefined ? {} : { targeted }),
    ...(radius === undefined ? {} : { radius }),
  };
}
