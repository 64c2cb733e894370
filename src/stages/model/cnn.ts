import { Type } from '@sinclair/typebox';
import { defineStage, type Facts, port } from '../../runtime/stage.ts';
import { oddSide } from '../shared/odd-side.ts';
import type { CnnParameters } from './shared/build-cnn.ts';
import { cnnWeightsProblems, weightsEndingProblems } from './shared/weights-problems.ts';
import { preprocessingParameters } from './shared/preprocessing-parameters.ts';
import { counted } from '../../values/counted.ts';

export const cnnStage = defineStage({
  uses: 'model/cnn',
  version: 2,
  summary:
    'A small convolutional network: blocks of convolution, ReLU and 2×2 max pooling, then dense layers',
  with: Type.Object(
    {
      height: Type.Integer({
        minimum: 1,
        maximum: 4096,
        default: 28,
        unit: 'px',
        description: 'height of the images',
      }),
      width: Type.Integer({
        minimum: 1,
        maximum: 4096,
        default: 28,
        unit: 'px',
        description: 'width of the images',
      }),
      channels: Type.Integer({
        unit: 'channels',
        minimum: 1,
        maximum: 16,
        default: 1,
        description: 'colour channels of the images',
      }),
      classes: Type.Integer({
        unit: 'classes',
        minimum: 2,
        maximum: 100_000,
        default: 10,
        description: 'number of classes',
      }),
      filters: Type.Array(Type.Integer({ unit: 'filters', minimum: 1, maximum: 4096 }), {
        minItems: 1,
        maxItems: 8,
        default: [16, 32],
        description: 'filters of each convolution block; each block halves the image',
      }),
      kernel: Type.Integer({
        minimum: 1,
        maximum: 15,
        default: 3,
        unit: 'px',
        description: 'side of the convolution kernels; odd, so that padding keeps the size',
      }),
      batchNorm: Type.Boolean({ default: false, description: 'batch normalisation after each convolution' }),
      dense: Type.Array(Type.Integer({ unit: 'units', minimum: 1, maximum: 65_536 }), {
        maxItems: 8,
        default: [64],
        description: 'units of the hidden dense layers',
      }),
      dropout: Type.Number({
        unit: 'share',
        minimum: 0,
        exclusiveMaximum: 1,
        default: 0,
        description: 'share of the hidden units that training drops before each dense layer',
      }),
      ...preprocessingParameters([0], [1]),
      weights: Type.Optional(
        Type.String({
          format: 'path',
          description:
            'safetensors or PyTorch file with the tensors conv1.weight, bn1.weight, fc1.weight and so on; drawn from the seed (He initialisation) if absent',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  in: {},
  out: {
    model: port('model', {
      description: 'the network with its weights and preprocessing',
      facts: ({
        height,
        width,
        channels,
        classes,
        weights,
      }: CnnParameters & { readonly weights?: string }): Facts => ({
        size: [height, width, channels],
        classes,
        ...(weights === undefined && { isUntrained: true }),
      }),
    }),
  },
  randomness: ({ weights }) => weights === undefined,
  check: (params) => [
    ...weightsEndingProblems(params.weights),
    ...oddSide('kernel', params.kernel),
    ...(['mean', 'std'] as const)
      .filter((name) => params[name].length !== 1 && params[name].length !== params.channels)
      .map((name) => ({
        path: [name],
        message: `${params[name].length} values for ${counted(params.channels, 'channel')}`,
        fix: `give one number, or ${params.channels}`,
      })),
    ...(Math.min(params.height, params.width) < 2 ** params.filters.length
      ? [
          {
            path: ['filters'],
            message: `${params.filters.length} blocks halve a ${params.height}×${params.width} image to nothing`,
            fix: `use at most ${Math.floor(Math.log2(Math.min(params.height, params.width)))} blocks`,
          },
        ]
      : []),
  ],
  checkInputs: ({ weights, ...params }, _inputs, read) =>
    weights === undefined ? [] : cnnWeightsProblems(weights, params, read),
  survey: ({ params, resolve }) =>
    Promise.resolve({ files: () => (params.weights === undefined ? [] : [resolve(params.weights)]) }),
  outline: async ({ params: { height, width, channels, ...rest } }) => {
    const { cnn } = await import('../../models/architectures/cnn.ts');
    const { modelOutline } = await import('./shared/model-outline.ts');
    return modelOutline(cnn({ ...rest, inputShape: [height, width, channels] }));
  },
  run: async ({ params, seed, resolve }) => {
    const { buildCnn } = await import('./shared/build-cnn.ts');
    return {
      model: await buildCnn(params, seed, params.weights === undefined ? undefined : resolve(params.weights)),
    };
  },
});
