import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { defend } from './defend.ts';

const version = 1;

/** Crop ensemble (Graese et al. 2016; Guo et al. 2018, section 4.1). */
export const crop = defineStage({
  uses: 'defense/crop',
  version,
  summary: 'Random square crops, resized back to the size of the image; predictions are averaged over them',
  with: Type.Object(
    {
      crops: Type.Integer({
        minimum: 1,
        maximum: 1000,
        default: 30,
        description: 'crops of each image, its views; 30 in the paper',
      }),
      size: Type.Integer({
        minimum: 1,
        default: 90,
        unit: 'px',
        description: 'side of a crop; 90 of 224 in the paper',
      }),
    },
    { additionalProperties: false },
  ),
  in: { images: port('images', { optional: true, description: 'images to transform' }) },
  out: {
    images: port('images', { optional: true, description: 'float32 images, `crops` views of each' }),
    transform: port('transform', { description: 'the recipe' }),
  },
  shard: 'images',
  randomness: true,
  onTheFly: true,
  run: (context) => defend(context, { name: 'crop', version, params: context.params }),
});
