/**
 * A small convolutional network for data like MNIST: blocks of convolution, ReLU and pooling, then dense
 * layers.
 */
import type { Network } from '../../values/model.ts';
import { networkBuilder } from '../builder.ts';

export interface CnnOptions {
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly classes: number;
  /** Number of filters of each convolution block; every block ends in a 2 × 2 max-pool. */
  readonly filters: readonly number[];
  /** Odd; the convolutions keep height and width. */
  readonly kernel: number;
  readonly batchNorm: boolean;
  /** Units of each hidden dense layer. */
  readonly dense: readonly number[];
  /** Dropout rate before each dense layer, including the output layer; 0 for none. */
  readonly dropout: number;
}

/**
 * Nodes are named `conv1, bn1, relu1, pool1, …, flatten, fc1, …`. Throws `NetworkError` if the image is too
 * small.
 */
export function cnn({
  inputShape,
  classes,
  filters,
  kernel,
  batchNorm,
  dense,
  dropout,
}: CnnOptions): Network {
  const build = networkBuilder({ architecture: 'cnn', inputShape, classes });
  let last = 'input';
  filters.forEach((count, index) => {
    const n = index + 1;
    last = build.conv(`conv${n}`, last, {
      filters: count,
      kernel,
      padding: (kernel - 1) / 2,
      bias: !batchNorm,
    });
    if (batchNorm) last = build.batchNorm(`bn${n}`, last);
    last = build.relu(`relu${n}`, last);
    last = build.maxPool(`pool${n}`, last, { kernel: 2 });
  });
  last = build.flatten('flatten', last);
  [...dense, classes].forEach((units, index) => {
    const n = index + 1;
    if (dropout > 0) last = build.dropout(`dropout${n}`, last, dropout);
    last = build.dense(`fc${n}`, last, { units });
    if (n <= dense.length) last = build.relu(`fcrelu${n}`, last);
  });
  return build.build(last);
}
