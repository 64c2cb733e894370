import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { defend } from './defend.ts';

/** Bit-depth reduction (Xu et al. 2017; Guo et al. 2018, section 4.1). */
export const bitDepth = defineStage({
  uses: 'defense/bit-depth',
  version: 1,
  summary: 'Bit-depth reduction: each channel is rounded to a few levels',
  with: Type.Object(
    {
      bits: Type.Integer({
        minimum: 1,
        maximum: 8,
        default: 3,
        description: 'bits a channel; 3 in the paper',
      }),
      compat: Type.Union([Type.Literal('paper'), Type.Literal('fb')], {
        default: 'paper',
        description: "paper: 2^bits levels; fb: the 2^bits + 1 levels of the authors' code",
      }),
    },
    { additionalProperties: false },
  ),
  in: { images: port('images', { description: 'images to transform' }) },
  out: {
    images: port('images', { description: 'float32 images' }),
    transform: port('transform', { description: 'the recipe' }),
  },
  shard: 'images',
  run: ({ params, inputs, signal }) => defend(inputs.images, { name: 'bit-depth', params }, signal),
});
