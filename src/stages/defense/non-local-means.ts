import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { defend } from './defend.ts';

const version = 1;

/** Non-local means (Buades et al. 2005), by default with the 11-3-4 of Xu et al. 2017 for ImageNet: a weak baseline. */
export const nonLocalMeans = defineStage({
  uses: 'defense/non-local-means',
  version,
  summary: 'Non-local means: each pixel becomes a mean of pixels with similar surroundings',
  with: Type.Object(
    {
      patch: Type.Integer({
        minimum: 3,
        maximum: 31,
        default: 3,
        unit: 'px',
        description: 'side of the patches that are compared, odd',
      }),
      distance: Type.Integer({
        minimum: 1,
        maximum: 100,
        default: 5,
        unit: 'px',
        description: 'pixels up to so many rows and columns away are averaged',
      }),
      h: Type.Number({
        exclusiveMinimum: 0,
        maximum: 10,
        default: 4 / 255,
        description: 'strength: patches that differ by h in quadratic mean weigh 1/e',
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
  check: ({ patch }) =>
    patch % 2 === 1
      ? []
      : [
          {
            path: ['patch'],
            message: `a patch of ${patch} pixels has no middle`,
            fix: `set patch: ${patch + 1}`,
          },
        ],
  run: (context) => defend(context, { name: 'non-local-means', version, params: context.params }),
});
