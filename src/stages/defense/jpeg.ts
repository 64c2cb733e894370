import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { defend } from './defend.ts';

// 2: attacks go back through it by a derivative of its own; the images are those of 1.
const version = 2;

/** JPEG compression (Dziugaite et al. 2016; Guo et al. 2018, section 4.1). */
export const jpeg = defineStage({
  uses: 'defense/jpeg',
  version,
  summary: 'JPEG compression and decompression (libjpeg-turbo through sharp)',
  with: Type.Object(
    {
      quality: Type.Integer({
        minimum: 1,
        maximum: 100,
        default: 75,
        description: 'JPEG quality; 75 in the paper',
      }),
      chroma: Type.Union([Type.Literal('4:2:0'), Type.Literal('4:4:4')], {
        default: '4:2:0',
        description: 'chroma subsampling of colour images: halved in both directions, or full',
      }),
    },
    { additionalProperties: false },
  ),
  in: { images: port('images', { optional: true, description: 'images of 1 or 3 channels to transform' }) },
  out: {
    images: port('images', { optional: true, description: 'uint8 images' }),
    transform: port('transform', { description: 'the recipe' }),
  },
  shard: 'images',
  libraries: ['sharp'],
  run: async (context) => {
    const { default: sharp } = await import('sharp');
    const libraries = { sharp: sharp.versions.sharp, vips: sharp.versions.vips };
    return defend(context, { name: 'jpeg', version, libraries, params: context.params });
  },
});
