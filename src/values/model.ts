/** A classifier as plain data: a network graph, its weights, and the preprocessing that belongs to it. */

export interface WeightTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * One node of a network graph. `name` is unique; `inputs` name earlier nodes or `'input'`. Layout is NHWC;
 * convolution weights are `[kernelHeight, kernelWidth, inChannels, outChannels]`, dense weights `[inFeatures,
 * outFeatures]`. Weight tensors are looked up as `${name}.weight`, `${name}.bias`, and for batch norm also
 * `${name}.running_mean` and `${name}.running_var`.
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
      /** 1 for an ordinary convolution, the number of input channels for a depthwise one. */
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
      /** Training only; the identity at inference. */
      readonly op: 'dropout';
      readonly name: string;
      readonly inputs: readonly [string];
      readonly rate: number;
    }
  | {
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

export interface Model {
  readonly kind: 'model';
  readonly network: Network;
  readonly weights: Readonly<Record<string, WeightTensor>>;
  readonly preprocessing: Preprocessing;
}
