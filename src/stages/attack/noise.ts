import { Type } from '@sinclair/typebox';
import { linfProblems } from '../shared/linf-problems.ts';
import { attackStage } from './shared/attack-stage.ts';

/** Random noise of the same size as an attack. An attack is worth only what it adds to this. */
export const noiseStage = attackStage({
  uses: 'attack/noise',
  version: 3,
  summary: 'Random noise, which knows neither model nor label: the control for every attack',
  strength: {
    name: 'epsilon',
    unit: 'pixel value',
    minimum: 0,
    maximum: 1000,
    description: 'standard deviation (gaussian) or half width (uniform), in units of [0, 1] pixels',
  },
  presets: 'foolbox and torchattacks change nothing',
  with: {
    distribution: Type.Union([Type.Literal('gaussian'), Type.Literal('uniform')], {
      default: 'gaussian',
      description: 'of each channel of each pixel',
    }),
  },
  check: (params) => linfProblems(params, ['epsilon']),
  example: { epsilon: 8 / 255 },
  effort: () => ({ steps: 0, gradientsPerStep: 0 }),
  attack: async ({ distribution }, seed) => {
    const { noise } = await import('../../attacks/noise.ts');
    return noise({ distribution, seed });
  },
});
