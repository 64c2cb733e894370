import { Type } from '@sinclair/typebox';
import type { ParameterProblem } from '../../../runtime/stage.ts';

/** Parameters of the adversary of a training; `adversaryOf` puts the defaults of its method in. */
export const adversaryParameters = {
  method: Type.Union(
    [Type.Literal('pgd'), Type.Literal('fgsm'), Type.Literal('trades'), Type.Literal('ensemble')],
    {
      default: 'pgd',
      description:
        'pgd: several steps (Madry et al. 2018); fgsm: one step, mixed with clean images (Goodfellow et al. 2015); trades: cross-entropy plus divergence (Zhang et al. 2019); ensemble: one step on this model or on one of sources, drawn for each batch (Tramèr et al. 2018)',
    },
  ),
  norm: Type.Union([Type.Literal('linf'), Type.Literal('l2')], {
    default: 'linf',
    description: 'norm of the ball and of the steps',
  }),
  epsilon: Type.Number({
    unit: 'pixel value',
    minimum: 0,
    maximum: 1000,
    default: 8 / 255,
    description: 'radius of the ball, in units of [0, 1] pixels (in L2, of the whole image)',
  }),
  steps: Type.Optional(
    Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 10_000,
      description: 'steps of the adversary; if absent 7 for pgd, 10 for trades and 1 for the others',
    }),
  ),
  stepSize: Type.Optional(
    Type.Number({
      unit: 'pixel value',
      exclusiveMinimum: 0,
      description: 'length of a step; if absent epsilon for one step and 2.5 × epsilon / steps for several',
    }),
  ),
  randomStart: Type.Optional(
    Type.Boolean({
      description:
        'start at a uniform draw from the ball; if absent true for pgd and false for fgsm and ensemble; trades starts from a little noise',
    }),
  ),
  cleanShare: Type.Optional(
    Type.Number({
      unit: 'share',
      minimum: 0,
      exclusiveMaximum: 1,
      description:
        'share of each batch that stays as it is; if absent 0 for pgd and 0.5 for fgsm and ensemble; trades uses every image both ways',
    }),
  ),
  beta: Type.Number({
    unit: 'weight',
    exclusiveMinimum: 0,
    maximum: 1000,
    default: 6,
    description: 'weight of the divergence (trades)',
  }),
};

export interface AdversaryParameters {
  readonly method: 'pgd' | 'fgsm' | 'trades' | 'ensemble';
  readonly norm: 'linf' | 'l2';
  readonly epsilon: number;
  readonly steps?: number;
  readonly stepSize?: number;
  readonly randomStart?: boolean;
  readonly cleanShare?: number;
  readonly beta: number;
}

const methods = {
  pgd: { steps: 7, randomStart: true, cleanShare: 0 },
  fgsm: { steps: 1, randomStart: false, cleanShare: 0.5 },
  trades: { steps: 10, randomStart: false, cleanShare: 0 },
  ensemble: { steps: 1, randomStart: false, cleanShare: 0.5 },
} as const;

/** The parameters with the defaults of the method. */
export function adversaryOf({
  method,
  norm,
  epsilon,
  steps = methods[method].steps,
  stepSize = steps === 1 ? epsilon : (2.5 * epsilon) / steps,
  randomStart = methods[method].randomStart,
  cleanShare = methods[method].cleanShare,
}: AdversaryParameters): Required<Omit<AdversaryParameters, 'beta'>> {
  return { method, norm, epsilon, steps, stepSize, randomStart, cleanShare };
}

/** Problems that the schema of the parameters cannot find. */
export function adversaryProblems({
  method,
  steps,
  randomStart,
  cleanShare,
}: AdversaryParameters): ParameterProblem[] {
  const problems: ParameterProblem[] = [];
  if (method === 'fgsm' && steps !== undefined && steps > 1)
    problems.push({ path: ['steps'], message: 'fgsm takes one step', fix: 'use method: pgd for several' });
  if (method === 'trades') {
    for (const [name, value] of Object.entries({ randomStart, cleanShare }))
      if (value !== undefined)
        problems.push({
          path: [name],
          message: `trades has no ${name}: it starts from a little noise and uses every image both ways`,
          fix: `leave ${name} out`,
        });
  }
  return problems;
}
