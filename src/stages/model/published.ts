import { Type } from '@sinclair/typebox';
import type { PaddingForm } from '../../models/architectures/options.ts';
import type { ArchitectureName } from '../../models/architectures/zoo.ts';
import { defineStage, type Facts, port } from '../../runtime/stage.ts';
import type { Stage } from '../../runtime/stage.ts';
import { classProblems, weightsEndingProblems } from './shared/weights-problems.ts';
import { preprocessingParameters } from './shared/preprocessing-parameters.ts';

interface Family {
  readonly summary: string;
  /** Origin of the tensor names, and so of the weights. */
  readonly weights: string;
  readonly classes: number;
  /** Side of the images in pixels; `minimum` is the smallest that leaves something to pool. */
  readonly size: number;
  readonly minimum: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** The default of an architecture that exists with both paddings. */
  readonly padding?: PaddingForm;
}

/** The parameters that decide what is known of the model before a run. */
interface PublishedParameters {
  readonly size: number;
  readonly classes: number;
  readonly weights?: string;
}

const imagenet = { classes: 1000, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const torchvision = { ...imagenet, size: 224, weights: 'torchvision' };
const inception = { classes: 1000, size: 299, minimum: 75, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
const cifar = { ...imagenet, classes: 10, size: 32, minimum: 1, weights: 'akamaster/pytorch_resnet_cifar10' };

const resnet = (depth: number): Family => ({
  ...torchvision,
  minimum: 1,
  summary: `ResNet-${depth} for ImageNet (He et al. 2016)`,
});
const cifarResnet = (depth: number): Family => ({
  ...cifar,
  summary: `ResNet-${depth} for CIFAR, option-A shortcuts (He et al. 2016, section 4.2)`,
});
const squeezenet = (version: string): Family => ({
  ...torchvision,
  minimum: 21,
  summary: `SqueezeNet ${version} (Iandola et al. 2016)`,
});
const densenet = (depth: number): Family => ({
  ...torchvision,
  minimum: 29,
  summary: `DenseNet-${depth} (Huang et al. 2017)`,
});

const lite = (scale: number, size: number): Family => ({
  classes: 1000,
  // The original has bytes and subtracts 127, then divides by 128.
  mean: [127 / 255, 127 / 255, 127 / 255],
  std: [128 / 255, 128 / 255, 128 / 255],
  size,
  minimum: 1,
  padding: 'tensorflow',
  weights: `lukemelas' EfficientNet-PyTorch, as ravelin weights fetch efficientnet-lite${scale} fetches them, or of timm's tf_efficientnet_lite${scale}`,
  summary: `EfficientNet-Lite${scale} (Tan and Le 2019)`,
});

const families: Readonly<Record<ArchitectureName, Family>> = {
  'cifar-resnet20': cifarResnet(20),
  'cifar-resnet32': cifarResnet(32),
  'cifar-resnet56': cifarResnet(56),
  resnet18: resnet(18),
  resnet34: resnet(34),
  resnet50: resnet(50),
  resnet101: resnet(101),
  squeezenet1_0: squeezenet('1.0'),
  squeezenet1_1: squeezenet('1.1'),
  vgg16: { ...torchvision, minimum: 224, summary: 'VGG-16 (Simonyan and Zisserman 2015)' },
  densenet121: densenet(121),
  densenet169: densenet(169),
  'inception-v3': { ...inception, weights: 'torchvision', summary: 'Inception-v3 (Szegedy et al. 2016)' },
  'inception-v4': {
    ...inception,
    weights: "timm's inception_v4",
    summary: 'Inception-v4 (Szegedy et al. 2017)',
  },
  'inception-resnet-v2': {
    ...inception,
    weights: "timm's inception_resnet_v2",
    summary: 'Inception-ResNet-v2 (Szegedy et al. 2017)',
  },
  'mobilenet-v2': { ...torchvision, minimum: 1, summary: 'MobileNetV2 (Sandler et al. 2018)' },
  'efficientnet-lite0': {
    ...lite(0, 224),
    ...imagenet,
    padding: 'symmetric',
    weights: "timm's efficientnet_lite0, or of lukemelas' EfficientNet-PyTorch with padding: tensorflow",
  },
  'efficientnet-lite1': lite(1, 240),
  'efficientnet-lite2': lite(2, 260),
};

/** Number of classes, side of the images and preprocessing, if a pipeline gives none. */
export function publishedDefaults(name: ArchitectureName): Pick<Family, 'classes' | 'size' | 'mean' | 'std'> {
  const { classes, size, mean, std } = families[name];
  return { classes, size, mean, std };
}

/** One stage for each published architecture: `model/resnet50`, … */
export const publishedModelStages: readonly Stage[] = (
  Object.entries(families) as [ArchitectureName, Family][]
).map(([name, family]) => publishedModel(name, family));

function publishedModel(name: ArchitectureName, family: Family): Stage {
  return defineStage({
    uses: `model/${name}`,
    version: 1,
    summary: family.summary,
    with: Type.Object(
      {
        weights: Type.Optional(
          Type.String({
            format: 'path',
            description: `safetensors or PyTorch file with the tensor names of ${family.weights}; drawn from the seed, for training, if absent`,
          }),
        ),
        classes: Type.Integer({
          unit: 'classes',
          minimum: 2,
          maximum: 100_000,
          default: family.classes,
          description: 'number of classes',
        }),
        size: Type.Integer({
          minimum: family.minimum,
          maximum: 4096,
          default: family.size,
          unit: 'px',
          description: `side of the square RGB images${name === 'vgg16' ? '; a multiple of 224' : ''}`,
        }),
        ...paddingParameter(family.padding),
        ...preprocessingParameters(family.mean, family.std),
      },
      { additionalProperties: false },
    ),
    in: {},
    out: {
      model: port('model', {
        description: 'the network with its weights and preprocessing',
        facts: ({ size, classes, weights }: PublishedParameters): Facts => ({
          size: [size, size, 3],
          classes,
          ...(weights === undefined && { isUntrained: true }),
        }),
      }),
    },
    randomness: ({ weights }) => weights === undefined,
    check: (params) => [
      ...weightsEndingProblems(params.weights),
      ...(['mean', 'std'] as const)
        .filter((part) => params[part].length !== 1 && params[part].length !== 3)
        .map((part) => ({
          path: [part],
          message: `${params[part].length} values for 3 channels`,
          fix: 'give one number, or 3',
        })),
      ...(name === 'vgg16' && params.size % 224 !== 0
        ? [
            {
              path: ['size'],
              message: `size ${params.size} is not a multiple of 224`,
              fix: `use ${224 * Math.max(1, Math.round(params.size / 224))}`,
            },
          ]
        : []),
    ],
    checkInputs: ({ weights, classes }, _inputs, read) =>
      weights === undefined ? [] : classProblems(weights, classes, read),
    survey: ({ params, resolve }) =>
      Promise.resolve({ files: () => (params.weights === undefined ? [] : [resolve(params.weights)]) }),
    outline: async ({ params: { size, classes } }) => {
      const { zoo } = await import('../../models/architectures/zoo.ts');
      const { modelOutline } = await import('./shared/model-outline.ts');
      return modelOutline(zoo[name].build({ size, classes }));
    },
    run: async ({ params, seed, resolve }) => {
      const { buildPublished } = await import('./shared/build-published.ts');
      const file = params.weights === undefined ? undefined : resolve(params.weights);
      return { model: await buildPublished(name, params, seed, file) };
    },
  });
}

/** For an architecture with this default; none for those that exist with one padding alone. */
function paddingParameter(padding: PaddingForm | undefined) {
  if (padding === undefined) return {};
  return {
    padding: Type.Optional(
      Type.Union([Type.Literal('symmetric'), Type.Literal('tensorflow')], {
        default: padding,
        description:
          'tensorflow: less padding above and left than below and right, and batch norms with ε = 0.001, as the original; symmetric: as timm trained efficientnet_lite0',
      }),
    ),
  };
}
