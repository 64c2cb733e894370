import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';

export const classify = defineStage({
  uses: 'predict/classify',
  version: 1,
  summary: 'Class probabilities of a model, averaged over the views of each image',
  with: Type.Object({}, { additionalProperties: false }),
  in: {
    model: port('model', { description: 'the classifier' }),
    images: port('images', { description: 'images to classify' }),
    transform: port('transform', { optional: true, description: 'a defense to apply to the images first' }),
  },
  out: { predictions: port('predictions', { description: 'probabilities [n, classes]' }) },
  shard: 'images',
  device: true,
  run: async (context) => {
    const { runClassify } = await import('./run-classify.ts');
    return { predictions: await runClassify(context) };
  },
});
