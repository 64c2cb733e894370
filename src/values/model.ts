/** A classifier: a network graph with its weights and preprocessing as plain data, or a program that computes it. */
import type { JsonObject } from './json.ts';

export interface WeightTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * One node of a network graph. `name` is unique; `inputs` name earlier nodes or `'input'`. Layout is NHWC;
 * convolution weights are `[kernelHeight, kernelWidth, inChannels / groups, outChannels]`, those of a depthwise
 * convolution `[kernelHeight, kernelWidth, inChannels, outChannels / inChannels]`, dense weights `[inFeatures,
 * outFeatures]`. Weight tensors are looked up as `${name}.weight`, `${name}.bias`, and for batch norm also
 * `${name}.running_mean` and `${name}.running_var`. Axes are numbered without that of the batch: 0 is the first of one image.
 */
export type NetworkNode =
  | {
      readonly op: 'conv';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly kernel: readonly [height: number, width: number];
      readonly stride: readonly [height: number, width: number];
      /** Zero padding: top, bottom, left, right. */
      readonly padding: readonly [number, number, number, number];
      readonly filters: number;
      /**
       * 1 for an ordinary convolution, the number of input channels for a depthwise one, and a divisor of both numbers
       * of channels for a grouped one, whose n-th group of filters sees the n-th group of channels.
       */
      readonly groups: number;
      readonly bias: boolean;
    }
  | {
      readonly op: 'batch-norm';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly epsilon: number;
      /** Weight of the new batch in the running statistics, like PyTorch's `momentum`. */
      readonly momentum: number;
    }
  | { readonly op: 'relu'; readonly name: string; readonly inputs: readonly [string] }
  | { readonly op: 'relu6'; readonly name: string; readonly inputs: readonly [string] }
  | {
      /**
       * `1 / (1 + exp(−x))`; `silu` is `x · sigmoid(x)` (Hendrycks and Gimpel 2016), `hard-swish` is
       * `x · min(max(x + 3, 0), 6) / 6` (Howard et al. 2019).
       */
      readonly op: 'sigmoid' | 'silu' | 'hard-swish';
      readonly name: string;
      readonly inputs: readonly [string];
    }
  | {
      /**
       * `x Φ(x)` with the normal distribution function Φ, or its approximation
       * `x (1 + tanh(√(2 / π) (x + 0.044715 x³))) / 2` (Hendrycks and Gimpel 2016).
       */
      readonly op: 'gelu';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly approximate: 'none' | 'tanh';
    }
  | { readonly op: 'reciprocal'; readonly name: string; readonly inputs: readonly [string] }
  | {
      /** Over the last axis. */
      readonly op: 'softmax';
      readonly name: string;
      readonly inputs: readonly [string];
    }
  | {
      /** `[…, m, k] × […, k, n]`, whose other axes are equal. */
      readonly op: 'matmul';
      readonly name: string;
      readonly inputs: readonly [string, string];
    }
  | {
      /** Normalisation over the last axis, then one weight and bias for each of its places (Ba et al. 2016). */
      readonly op: 'layer-norm';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly epsilon: number;
    }
  | {
      /** `weight · x + bias`, with one of both for each place of the last axis. */
      readonly op: 'affine';
      readonly name: string;
      readonly inputs: readonly [string];
    }
  | {
      /** `x + bias`, with a bias of the shape of x: the embedding of positions. */
      readonly op: 'offset';
      readonly name: string;
      readonly inputs: readonly [string];
    }
  | {
      /** `[n, c]` with `count` more rows, which are weights `[count, c]`: class tokens. */
      readonly op: 'tokens';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly count: number;
      readonly place: 'before' | 'after';
    }
  | {
      /** `min(max(slope · x + offset, 0), 1)`. */
      readonly op: 'hard-sigmoid';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly slope: number;
      readonly offset: number;
    }
  | {
      readonly op: 'max-pool' | 'average-pool';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly kernel: readonly [number, number];
      readonly stride: readonly [number, number];
      readonly padding: readonly [number, number, number, number];
      /** Round the output size up (PyTorch's `ceil_mode`). */
      readonly ceil: boolean;
      /** Average pooling only: whether padded zeros count in the mean. */
      readonly countPadding: boolean;
    }
  | { readonly op: 'global-average-pool'; readonly name: string; readonly inputs: readonly [string] }
  | { readonly op: 'add'; readonly name: string; readonly inputs: readonly [string, string] }
  | {
      /** The product of two activations of one shape, or of an image with a number for each channel, `[c]` or `[1, 1, c]`. */
      readonly op: 'multiply';
      readonly name: string;
      readonly inputs: readonly [string, string];
    }
  | { readonly op: 'concat'; readonly name: string; readonly inputs: readonly string[] }
  | {
      /**
       * `x[:, ::stride, ::stride, :]` with `before`/`after` zero channels: the option-A shortcut of CIFAR
       * ResNets.
       */
      readonly op: 'shortcut';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly stride: number;
      readonly before: number;
      readonly after: number;
    }
  | {
      readonly op: 'scale';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly factor: number;
    }
  | { readonly op: 'flatten'; readonly name: string; readonly inputs: readonly [string] }
  | {
      /** The same numbers, in their order, in another shape. */
      readonly op: 'reshape';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly shape: readonly number[];
    }
  | {
      /** The n-th axis of the result is the axis `order[n]` of the input. */
      readonly op: 'permute';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly order: readonly number[];
    }
  | {
      /** The places `start` to `end − 1` of an axis. */
      readonly op: 'slice';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly axis: number;
      readonly start: number;
      readonly end: number;
    }
  | {
      /** Axes of extent 1 repeated to these extents. */
      readonly op: 'expand';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly shape: readonly number[];
    }
  | {
      /** Training only; the identity at inference. */
      readonly op: 'dropout';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly rate: number;
    }
  | {
      /** Over the last axis, for every place of the others. */
      readonly op: 'dense';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly units: number;
      readonly bias: boolean;
    };

export interface Network {
  /** Name of the architecture, for display: `cnn`, `resnet50`. */
  readonly architecture: string;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly nodes: readonly NetworkNode[];
  /** Name of the node whose output is the logits `[n, classes]`. */
  readonly output: string;
  readonly classes: number;
}

/** Part of the model: attacks and defenses always see [0, 1]; the model normalises inside. */
export interface Preprocessing {
  /** Per channel, in units of [0, 1] pixels; the network sees `(x - mean) / std`. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** A classifier as plain data. */
export interface NetworkModel {
  readonly kind: 'model';
  readonly network: Network;
  readonly weights: Readonly<Record<string, WeightTensor>>;
  readonly preprocessing: Preprocessing;
}

/**
 * A program that makes a classifier, as it is in the pipeline, and what it was when it was looked at: whoever starts it
 * checks that it is the same still. Paths are relative to the folder of the pipeline; `python` is a command, or a path
 * that is absolute or relative to the root of the project.
 */
export interface Program {
  readonly language: 'python';
  readonly module: string;
  readonly make: string;
  readonly arguments: JsonObject;
  readonly weights: string | null;
  readonly python: string;
  readonly device: 'cpu' | 'cuda' | 'mps';
  readonly deterministic: boolean;
  readonly identity: {
    readonly python: string;
    readonly torch: string;
    /** Name of the GPU; null on a CPU. */
    readonly deviceName: string | null;
    /** SHA-256 of the source files, by path from the root of the project. */
    readonly sources: Readonly<Record<string, string>>;
    /** SHA-256 of the weights. */
    readonly weights: string | null;
  };
}

/** A classifier that a program of the user computes, which takes pixels in [0, 1] as every model does. */
export interface ProgramModel {
  readonly kind: 'model';
  readonly program: Program;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly classes: number;
}

export type Model = NetworkModel | ProgramModel;

export function isNetworkModel(model: Model): model is NetworkModel {
  return 'network' in model;
}

/** Height, width and channels of the images that a model takes. */
export function inputShapeOf(model: Model): readonly [height: number, width: number, channels: number] {
  return isNetworkModel(model) ? model.network.inputShape : model.inputShape;
}

/** Number of classes that a model tells apart. */
export function classesOf(model: Model): number {
  return isNetworkModel(model) ? model.network.classes : model.classes;
}
