import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { defend } from './defend.ts';

const version = 1;

/** Median smoothing (Xu et al. 2017, section II.C): a weak baseline. */
export const median = defineStage({
  uses: 'defense/median',
  version,
  summary: 'Median of the window around each pixel, channel by channel',
  with: Type.Object(
    {
      size: Type.Integer({
        minimum: 1,
        maximum: 31,
        default: 3,
        unit: 'px',
        description: 'side of the window, odd',
      }),
    },
    { additionalProperties: false },
  ),
  in: { images: port('images', { optional: true, description: 'images to transform' }) },
  out: {
    images: port('images', { optional: true, description: 'float32 images' }),
    transform: port('transform', { description: 'the recipe' }),
  },
  shard: 'images',
  check: ({ size }) =>
    size % 2 === 1
      ? []
      : [
          {
            path: ['size'],
            message: `a window of ${size} pixels has no middle`,
            fix: `set size: ${size + 1}`,
          },
        ],
  run: (context) => defend(context, { name: 'median', version, params: context.params }),
});
