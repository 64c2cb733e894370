import { Type } from '@sinclair/typebox';
import { defenseStage } from './shared/defense-stage.ts';

/** Random feature nullification (Wang et al. 2016). */
export const nullificationStage = defenseStage({
  uses: 'defense/nullification',
  version: 1,
  summary: 'Random feature nullification: a random share of the pixels of each image is set to zero',
  with: {
    rate: Type.Number({
      unit: 'share',
      minimum: 0,
      maximum: 1,
      default: 0.3,
      description: 'mean of the share of features that are set to zero, μ',
    }),
    deviation: Type.Number({
      unit: 'share',
      minimum: 0,
      maximum: 1,
      default: 0.05,
      description: 'standard deviation of that share from image to image, σ; the share is clipped to [0, 1]',
    }),
    mask: Type.Union([Type.Literal('pixel-channel'), Type.Literal('pixel')], {
      default: 'pixel-channel',
      description:
        'pixel-channel: each channel of a pixel is a feature by itself; pixel: all its channels together',
    }),
    draws: Type.Integer({
      unit: 'views',
      minimum: 1,
      maximum: 1000,
      default: 1,
      description: 'independent nullifications of each image, its views; predictions are averaged over them',
    }),
  },
  example: { draws: 2 },
  gives: 'float32 images, `draws` views of each',
  onTheFly: true,
  views: ({ draws }) => draws,
  load: async () => (await import('../../defenses/nullification.ts')).nullification,
});
