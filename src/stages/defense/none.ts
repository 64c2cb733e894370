import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { outlineOf } from '../shared/network-work.ts';

export const noDefenseStage = defineStage({
  uses: 'defense/none',
  version: 1,
  summary: 'No defense: the images as they are',
  with: Type.Object({}, { additionalProperties: false }),
  in: { images: port('images', { optional: true, description: 'images to hand on' }) },
  out: {
    images: port('images', { optional: true, description: 'the same images' }),
    transform: port('transform', { description: 'the identity' }),
  },
  shard: 'images',
  outline: ({ inputs }) => {
    const images = outlineOf('images', inputs['images']);
    return {
      perImage: {},
      perUnit: {},
      out: {
        ...(images && { images }),
        transform: { kind: 'transform', work: {}, views: 1, isRandom: false },
      },
      memoryBytes: 0,
    };
  },
  run: ({ inputs: { images } }) =>
    Promise.resolve({ ...(images && { images }), transform: { kind: 'transform' as const, steps: [] } }),
});
