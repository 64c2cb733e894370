/**
 * The published architectures by name, with what is needed to read their checkpoints and to train them from
 * scratch.
 */
import type { Network } from '../../values/model.ts';
import type { Initialization } from '../initialize.ts';
import { cifarResnet } from './cifar-resnet.ts';
import { densenet } from './densenet.ts';
import { efficientnetLite, isOriginalName, liteName, type LiteScale } from './efficientnet-lite.ts';
import { inceptionResnetV2 } from './inception-resnet-v2.ts';
import { inceptionV3 } from './inception-v3.ts';
import { inceptionV4 } from './inception-v4.ts';
import { mobilenetV2 } from './mobilenet-v2.ts';
import type { ArchitectureOptions } from './options.ts';
import { resnet } from './resnet.ts';
import { squeezenet } from './squeezenet.ts';
import { vgg16 } from './vgg.ts';

export interface Architecture {
  /** Throws `NetworkError` for a size that the network does not support. */
  readonly build: (options: ArchitectureOptions) => Network;
  readonly initialization: Initialization;
  /** Maps a name in an old checkpoint to today's name. */
  readonly rename?: (name: string) => string;
  /** Prefixes of the names of tensors that checkpoints have but inference does not need. */
  readonly ignored?: readonly string[];
  /** Says why weights of these names may not be read for these options, although their shapes fit; null if they may. */
  readonly judgeWeights?: (
    names: readonly string[],
    options: Pick<ArchitectureOptions, 'padding'>,
  ) => { readonly message: string; readonly fix: string } | null;
}

/** The initialization of He et al. 2015 and torchvision. */
const heFanOut: Initialization = { convolution: 'he-fan-out' };
const heFanIn: Initialization = { convolution: 'he-fan-in' };

function lite(scale: LiteScale): Architecture {
  return {
    build: (options) => efficientnetLite(scale, options),
    initialization: heFanOut,
    rename: liteName(scale),
    judgeWeights: (names, { padding }) =>
      padding === 'symmetric' && names.some(isOriginalName)
        ? {
            message: 'the tensors have the names of weights that were trained with the padding of TensorFlow',
            fix: "set padding: tensorflow, mean: [127/255] and std: [128/255], as these weights were trained, or give timm's weights of efficientnet_lite0",
          }
        : null,
  };
}

const architectures = {
  'cifar-resnet20': { build: (options) => cifarResnet(20, options), initialization: heFanIn },
  'cifar-resnet32': { build: (options) => cifarResnet(32, options), initialization: heFanIn },
  'cifar-resnet56': { build: (options) => cifarResnet(56, options), initialization: heFanIn },
  resnet18: { build: (options) => resnet(18, options), initialization: heFanOut },
  resnet34: { build: (options) => resnet(34, options), initialization: heFanOut },
  resnet50: { build: (options) => resnet(50, options), initialization: heFanOut },
  resnet101: { build: (options) => resnet(101, options), initialization: heFanOut },
  squeezenet1_0: {
    build: (options) => squeezenet('1_0', options),
    initialization: { convolution: 'he-fan-in', scores: 0.01 },
  },
  squeezenet1_1: {
    build: (options) => squeezenet('1_1', options),
    initialization: { convolution: 'he-fan-in', scores: 0.01 },
  },
  vgg16: { build: vgg16, initialization: { convolution: 'he-fan-out', dense: 0.01 } },
  densenet121: {
    build: (options) => densenet(121, options),
    initialization: heFanIn,
    rename: densenetName,
  },
  densenet169: {
    build: (options) => densenet(169, options),
    initialization: heFanIn,
    rename: densenetName,
  },
  'inception-v3': {
    build: inceptionV3,
    initialization: { convolution: 0.1 },
    ignored: ['AuxLogits.'],
  },
  'inception-v4': { build: inceptionV4, initialization: heFanIn },
  'inception-resnet-v2': { build: inceptionResnetV2, initialization: heFanIn },
  'mobilenet-v2': { build: mobilenetV2, initialization: { convolution: 'he-fan-out', dense: 0.01 } },
  'efficientnet-lite0': lite(0),
  'efficientnet-lite1': lite(1),
  'efficientnet-lite2': lite(2),
} satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof architectures;

export const zoo: Readonly<Record<ArchitectureName, Architecture>> = architectures;

/** torchvision's first DenseNet checkpoints write `norm.1` for `norm1`. */
function densenetName(name: string): string {
  return name.replace(/\.(norm|conv)\.([12])\./, '.$1$2.');
}
