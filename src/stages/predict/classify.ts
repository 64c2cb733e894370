import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { modelProblems, untrainedProblems } from '../shared/known-model.ts';
import { networkBytes, networkPasses, outlineOf } from '../shared/network-work.ts';

export const classifyStage = defineStage({
  uses: 'predict/classify',
  version: 1,
  summary: 'Class probabilities of a model, averaged over the views of each image',
  with: Type.Object(
    {
      average: Type.Union([Type.Literal('probabilities'), Type.Literal('logits'), Type.Literal('votes')], {
        default: 'probabilities',
        description:
          "of the views of an image: the mean of their probabilities; the softmax of their mean logits as the authors' code does; or the share of the views that have each class, as randomized smoothing counts them",
      }),
    },
    { additionalProperties: false },
  ),
  in: {
    model: port('model', { description: 'the classifier' }),
    images: port('images', { description: 'images to classify' }),
    transform: port('transform', {
      optional: true,
      description: 'a defense to apply to the images first, with all its views',
    }),
  },
  out: { predictions: port('predictions', { description: 'probabilities [n, classes]' }) },
  shard: 'images',
  appliesTransform: true,
  device: true,
  checkInputs: (_params, inputs) => [...untrainedProblems(inputs), ...modelProblems(inputs)],
  outline: ({ inputs }) => {
    const images = outlineOf('images', inputs['images']);
    const model = outlineOf('model', inputs['model']);
    const transform = outlineOf('transform', inputs['transform']);
    if (images === undefined || model === undefined) return null;
    const draws = transform?.views ?? 1;
    return {
      perImage: networkPasses('forward', [model], images.views, { images, transform, draws }),
      perUnit: { 'network call': images.views * draws },
      out: { predictions: { kind: 'predictions', classes: model.classes } },
      memoryBytes: networkBytes('forward', [model]),
    };
  },
  run: async (context) => {
    const { runClassify } = await import('./shared/run-classify.ts');
    return { predictions: await runClassify(context) };
  },
});
