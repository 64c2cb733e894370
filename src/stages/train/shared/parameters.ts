import { Type } from '@sinclair/typebox';
import { port, rowsPort, type ParameterProblem } from '../../../runtime/stage.ts';

/** Parameters of every training by stochastic gradient descent. */
export const trainingParameters = {
  epochs: Type.Integer({
    unit: 'epochs',
    minimum: 0,
    maximum: 100_000,
    default: 10,
    description: 'passes over the images',
  }),
  batchSize: Type.Integer({
    unit: 'images',
    minimum: 1,
    maximum: 65_536,
    default: 64,
    description: 'images in a step',
  }),
  learningRate: Type.Number({
    unit: 'factor',
    minimum: 0,
    maximum: 1000,
    default: 0.1,
    description: 'size of a step at the start',
  }),
  momentum: Type.Number({
    unit: 'share',
    minimum: 0,
    exclusiveMaximum: 1,
    default: 0.9,
    description: 'share of the last update that is kept, as in PyTorch',
  }),
  weightDecay: Type.Number({
    unit: 'share',
    minimum: 0,
    maximum: 1,
    default: 0.0001,
    description: 'L2 penalty: this share of each weight is added to its gradient',
  }),
  nesterov: Type.Boolean({ default: false, description: "Nesterov's momentum" }),
  labelSmoothing: Type.Number({
    unit: 'share',
    minimum: 0,
    exclusiveMaximum: 1,
    default: 0,
    description: 'share of each target that is spread evenly over all classes (Szegedy et al. 2016)',
  }),
  keep: Type.Optional(
    Type.Union([Type.Literal('last'), Type.Literal('best')], {
      description:
        'which weights are the trained model: those after the last epoch, or those that did best on the validation images; last if absent',
    }),
  ),
  ema: Type.Optional(
    Type.Number({
      unit: 'factor',
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      description:
        'decay of an exponential moving average of the weights over the steps, which is then the trained model; none if absent',
    }),
  ),
  schedule: Type.Object(
    {
      kind: Type.Union(
        [Type.Literal('constant'), Type.Literal('step'), Type.Literal('cosine'), Type.Literal('one-cycle')],
        {
          default: 'constant',
          description:
            'constant; step: multiplied by factor every few epochs; cosine: down to 0; one-cycle: up, then down (Smith and Topin 2018)',
        },
      ),
      every: Type.Integer({
        unit: 'epochs',
        minimum: 1,
        maximum: 100_000,
        default: 30,
        description: 'epochs between two steps (step)',
      }),
      factor: Type.Number({
        unit: 'factor',
        exclusiveMinimum: 0,
        maximum: 1,
        default: 0.1,
        description: 'the rate is multiplied by it at each step (step)',
      }),
      warmUp: Type.Number({
        unit: 'epochs',
        minimum: 0,
        maximum: 100_000,
        default: 0,
        description:
          'epochs over which the rate grows evenly from 0 to that of the schedule (Goyal et al. 2017)',
      }),
    },
    {
      additionalProperties: false,
      default: { kind: 'constant', every: 30, factor: 0.1, warmUp: 0 },
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
      resizedCrop: Type.Optional(
        Type.Object(
          {
            scale: Type.Array(Type.Number({ unit: 'share of the area', exclusiveMinimum: 0, maximum: 1 }), {
              minItems: 2,
              maxItems: 2,
              default: [0.08, 1],
              description: 'smallest and largest share of the area',
            }),
            ratio: Type.Array(Type.Number({ unit: 'width / height', exclusiveMinimum: 0, maximum: 100 }), {
              minItems: 2,
              maxItems: 2,
              default: [3 / 4, 4 / 3],
              description: 'smallest and largest width in relation to the height',
            }),
          },
          {
            additionalProperties: false,
            description:
              'a random part of the image, resized to the size of the image, as RandomResizedCrop of torchvision; {} for its defaults; none if absent',
          },
        ),
      ),
    },
    {
      additionalProperties: false,
      default: { crop: 0, flip: false },
      description: 'random changes of the training images, drawn afresh each epoch',
    },
  ),
};

export interface AugmentParameters {
  readonly crop: number;
  readonly flip: boolean;
  readonly resizedCrop?: { readonly scale: readonly number[]; readonly ratio: readonly number[] };
}

/** Inputs of every training. */
export const trainingPorts = {
  model: port('model', { description: 'where training starts' }),
  images: rowsPort({ description: 'training images' }),
  validation: rowsPort({
    optional: true,
    description: 'images on which accuracy is measured after each epoch, as they are',
  }),
};

interface CheckedParameters {
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly augment: AugmentParameters;
}

/** Problems that the schema of a training cannot find. */
export function trainingProblems({ momentum, nesterov, augment }: CheckedParameters): ParameterProblem[] {
  const problems: ParameterProblem[] = [];
  if (nesterov && momentum === 0)
    problems.push({
      path: ['nesterov'],
      message: 'nesterov needs a momentum above 0',
      fix: 'set momentum: 0.9',
    });
  const { crop, resizedCrop } = augment;
  if (resizedCrop !== undefined && crop > 0)
    problems.push({
      path: ['augment', 'crop'],
      message: 'an image is cropped by crop or by resizedCrop, not by both',
      fix: 'leave one of them out',
    });
  for (const range of ['scale', 'ratio'] as const) {
    const [smallest, largest] = resizedCrop?.[range] ?? [0, 0];
    if (smallest! > largest!)
      problems.push({
        path: ['augment', 'resizedCrop', range],
        message: `the smallest ${range} is larger than the largest`,
        fix: `write [${largest}, ${smallest}]`,
      });
  }
  return problems;
}
