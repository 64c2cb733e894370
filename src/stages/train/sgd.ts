import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';

/**
 * Guo et al. train with rate 0.1, momentum 0.9, weight decay 1e-4, × 0.1 every 30 of 90 epochs, batches of
 * 256.
 */
export const sgdStage = defineStage({
  uses: 'train/sgd',
  version: 1,
  summary: 'Stochastic gradient descent on the cross-entropy, with momentum, weight decay and a schedule',
  with: Type.Object(
    {
      epochs: Type.Integer({
        minimum: 0,
        maximum: 100_000,
        default: 10,
        description: 'passes over the images',
      }),
      batchSize: Type.Integer({ minimum: 1, maximum: 65_536, default: 64, description: 'images in a step' }),
      learningRate: Type.Number({
        minimum: 0,
        maximum: 1000,
        default: 0.1,
        description: 'size of a step at the start',
      }),
      momentum: Type.Number({
        minimum: 0,
        exclusiveMaximum: 1,
        default: 0.9,
        description: 'share of the last update that is kept, as in PyTorch',
      }),
      weightDecay: Type.Number({
        minimum: 0,
        maximum: 1,
        default: 0.0001,
        description: 'L2 penalty: this share of each weight is added to its gradient',
      }),
      nesterov: Type.Boolean({ default: false, description: "Nesterov's momentum" }),
      schedule: Type.Object(
        {
          kind: Type.Union(
            [
              Type.Literal('constant'),
              Type.Literal('step'),
              Type.Literal('cosine'),
              Type.Literal('one-cycle'),
            ],
            {
              default: 'constant',
              description:
                'constant; step: multiplied by factor every few epochs; cosine: down to 0; one-cycle: up, then down (Smith and Topin 2018)',
            },
          ),
          every: Type.Integer({
            minimum: 1,
            maximum: 100_000,
            default: 30,
            description: 'epochs between two steps (step)',
          }),
          factor: Type.Number({
            exclusiveMinimum: 0,
            maximum: 1,
            default: 0.1,
            description: 'the rate is multiplied by it at each step (step)',
          }),
        },
        {
          additionalProperties: false,
          default: { kind: 'constant', every: 30, factor: 0.1 },
          description: 'schedule of the learning rate',
        },
      ),
      augment: Type.Object(
        {
          crop: Type.Integer({
            minimum: 0,
            maximum: 1024,
            default: 0,
            unit: 'px',
            description: 'zero padding on each side before a random crop back to size; 0 for none',
          }),
          flip: Type.Boolean({ default: false, description: 'mirror half of the images left to right' }),
        },
        {
          additionalProperties: false,
          default: { crop: 0, flip: false },
          description: 'random changes of the training images, drawn afresh each epoch',
        },
      ),
    },
    { additionalProperties: false },
  ),
  in: {
    model: port('model', { description: 'where training starts' }),
    images: port('images', { description: 'training images' }),
    validation: port('images', {
      optional: true,
      description: 'images on which accuracy is measured after each epoch, as they are',
    }),
    transform: port('transform', {
      optional: true,
      description: 'a defense to train on: one draw of each augmented image, afresh in each epoch',
    }),
  },
  out: {
    model: port('model', { description: 'the trained model' }),
    history: port('metrics', {
      axes: ['epoch'],
      values: ['loss', 'accuracy', 'learningRate'],
      valuesWith: { validation: ['validationAccuracy'] },
      description: 'one row per epoch: loss, accuracy, learningRate, and validationAccuracy if measured',
    }),
  },
  randomness: true,
  device: true,
  check: (params) =>
    params.nesterov && params.momentum === 0
      ? [{ path: ['nesterov'], message: 'nesterov needs a momentum above 0', fix: 'set momentum: 0.9' }]
      : [],
  run: async (context) => {
    const { runSgd } = await import('./shared/run-sgd.ts');
    return runSgd(context);
  },
});
