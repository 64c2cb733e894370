import type { ImageBatch } from '../../src/attacks/images.ts';
import type { Queries } from '../../src/attacks/queries.ts';

/** The network of test/reference/transfer_attacks.py and hop_skip_jump.py: logits = B tanh(A x), with A and B from sines. */
export interface PlainNetwork {
  readonly queries: Queries;
  /** How often a gradient was asked for. */
  readonly gradients: () => number;
  readonly logitsOf: (image: ArrayLike<number>) => Float64Array;
  /** Gradient of the cross-entropy. */
  readonly gradientOf: (image: ArrayLike<number>, label: number) => Float64Array;
}

/** A and B in float32, as PyTorch holds them; all sums are in float64. */
export function plainNetwork(
  [height, width, channels]: readonly [number, number, number],
  { hidden = 12, classes = 4, scale = 0.5 } = {},
): PlainNetwork {
  const size = height * width * channels;
  const a = Float32Array.from({ length: hidden * size }, (_, at) => Math.sin(at * 1.7 + 0.3) * scale);
  const b = Float32Array.from({ length: classes * hidden }, (_, at) => Math.sin(at * 2.3 + 0.9));
  let asked = 0;
  const activationsOf = (image: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: hidden }, (_, unit) => {
      let sum = 0;
      for (let at = 0; at < size; at++) sum += a[unit * size + at]! * image[at]!;
      return Math.tanh(sum);
    });
  const logitsOf = (image: ArrayLike<number>): Float64Array => {
    const activations = activationsOf(image);
    return Float64Array.from({ length: classes }, (_, k) =>
      activations.reduce((sum, value, unit) => sum + b[k * hidden + unit]! * value, 0),
    );
  };
  const gradientOf = (image: ArrayLike<number>, label: number): Float64Array => {
    const activations = activationsOf(image);
    const logits = logitsOf(image);
    const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
    const total = powers.reduce((sum, value) => sum + value, 0);
    const slopes = powers.map((power, k) => power / total - (k === label ? 1 : 0));
    const gradient = new Float64Array(size);
    for (const [unit, activation] of activations.entries()) {
      let back = 0;
      for (const [k, slope] of slopes.entries()) back += slope * b[k * hidden + unit]!;
      back *= 1 - activation * activation;
      for (let at = 0; at < size; at++) gradient[at]! += back * a[unit * size + at]!;
    }
    return gradient;
  };
  /** Gradients of the logits of some classes, side by side. */
  const classGradientsOf = (image: ArrayLike<number>, chosen: readonly number[]): Float64Array => {
    const activations = activationsOf(image);
    const gradients = new Float64Array(chosen.length * size);
    for (const [index, k] of chosen.entries())
      for (const [unit, activation] of activations.entries()) {
        const back = b[k * hidden + unit]! * (1 - activation * activation);
        for (let at = 0; at < size; at++) gradients[index * size + at]! += back * a[unit * size + at]!;
      }
    return gradients;
  };
  const forEach = (
    batch: ImageBatch,
    of: (image: Float32Array, row: number) => Float64Array,
  ): Float32Array => {
    const all = Array.from({ length: batch.shape[0] }, (_, row) =>
      of(batch.pixels.subarray(row * size, (row + 1) * size), row),
    );
    return Float32Array.from(all.flatMap((values) => [...values]));
  };
  const refuse = (): never => {
    throw new Error('this network has no other gradients');
  };
  return {
    gradients: () => asked,
    logitsOf,
    gradientOf,
    queries: {
      classes,
      inputShape: [height, width, channels],
      logits: (batch) => Promise.resolve(forEach(batch, logitsOf)),
      gradient: (batch) => {
        asked++;
        const gradient = forEach(batch, (image, row) => gradientOf(image, batch.labels[row]!));
        return Promise.resolve({ gradient, logits: forEach(batch, logitsOf) });
      },
      vectorJacobianProduct: refuse,
      classGradients: (batch, chosen) => {
        asked++;
        const width = chosen.length / batch.shape[0];
        const gradients = forEach(batch, (image, row) =>
          classGradientsOf(image, [...chosen.subarray(row * width, (row + 1) * width)]),
        );
        return Promise.resolve({ gradients, logits: forEach(batch, logitsOf) });
      },
    },
  };
}

/** Image `index` of the scripts. */
export function plainImage(
  [height, width, channels]: readonly [number, number, number],
  index: number,
): Float32Array {
  return Float32Array.from(
    { length: height * width * channels },
    (_, at) => 0.5 + 0.45 * Math.sin(at * (0.37 + 0.11 * index) + index),
  );
}

/** Images 0 … count − 1 of the scripts, with the labels that the network gives them. */
export function plainImages(
  sides: readonly [number, number, number],
  network: PlainNetwork,
  count: number,
): ImageBatch {
  const images = Array.from({ length: count }, (_, index) => plainImage(sides, index));
  return {
    pixels: Float32Array.from(images.flatMap((image) => [...image])),
    shape: [count, ...sides],
    labels: Int32Array.from(images, (image) => {
      const logits = network.logitsOf(image);
      return logits.indexOf(Math.max(...logits));
    }),
    ids: Int32Array.from({ length: count }, (_, index) => index),
  };
}
