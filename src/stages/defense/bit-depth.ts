import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { defend } from './defend.ts';

const version = 1;

/** Bit-depth reduction (Xu et al. 2017; Guo et al. 2018, section 4.1). */
export const bitDepth = defineStage({
  uses: 'defense/bit-depth',
  version,
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
  in: { images: port('images', { optional: true, description: 'images to transform' }) },
  out: {
    images: port('images', { optional: true, description: 'float32 images' }),
    transform: port('transform', { description: 'the recipe' }),
  },
  shard: 'images',
  onTheFly: true,
  run: (context) => defend(context, { name: 'bit-depth', version, params: context.params }),
});
