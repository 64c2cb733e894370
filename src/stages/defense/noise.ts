import { Type } from '@sinclair/typebox';
import { defenseStage } from './shared/defense-stage.ts';

/** The noise of randomized smoothing (Cohen et al. 2019). */
export const noiseDefenseStage = defenseStage({
  uses: 'defense/noise',
  version: 1,
  summary: 'Gaussian noise on each value, as randomized smoothing adds it before many predictions',
  with: {
    sigma: Type.Number({
      unit: 'pixel value',
      exclusiveMinimum: 0,
      maximum: 10,
      default: 0.25,
      description: 'standard deviation of the noise, σ; the result is clipped to [0, 1]',
    }),
    draws: Type.Integer({
      unit: 'views',
      minimum: 1,
      maximum: 1000,
      default: 1,
      description: 'independent draws of each image, its views; predictions are averaged over them',
    }),
  },
  example: { draws: 2 },
  gives: 'float32 images, `draws` views of each',
  onTheFly: true,
  views: ({ draws }) => draws,
  load: async () => (await import('../../defenses/noise.ts')).noise,
});
