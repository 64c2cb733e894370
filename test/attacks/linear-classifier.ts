import type { Rank, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { ImageBatch } from '../../src/attacks/images.ts';
import type { Classifier } from '../../src/models/classifier.ts';
import { lossGradient } from '../../src/models/loss-gradient.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { tf } from '../../src/tensors/tf.ts';

export interface LinearModel {
  readonly classifier: Classifier;
  /** `[features, classes]`. */
  readonly weights: Float32Array;
  /** How often a gradient was asked for. */
  readonly gradients: () => number;
}

/** Z(x) = xW: all that an attack does to it has a closed form. The gradient is written out, not taken from TensorFlow.js. */
export function linearModel(
  inputShape: readonly [number, number, number],
  classes: number,
  weights: Float32Array,
): LinearModel {
  const features = inputShape[0] * inputShape[1] * inputShape[2];
  let asked = 0;
  const product = (pixels: Tensor4D): Tensor2D =>
    tf.tidy(() =>
      tf.matMul<Tensor2D>(tf.reshape(pixels, [-1, features]), tf.tensor2d(weights, [features, classes])),
    );
  const pullBack = (cotangent: Tensor2D): Tensor4D =>
    tf.tidy(() =>
      tf.reshape<Rank.R4>(tf.matMul(cotangent, tf.tensor2d(weights, [features, classes]), false, true), [
        -1,
        ...inputShape,
      ]),
    );
  return {
    weights,
    gradients: () => asked,
    classifier: {
      classes,
      inputShape,
      logits: (pixels) => Promise.resolve(product(pixels)),
      inputGradient: (pixels, labels, loss) => {
        asked++;
        const logits = product(pixels);
        const gradient = tf.tidy(() => pullBack(lossGradient(logits, labels, loss)));
        return Promise.resolve({ gradient, logits });
      },
      vectorJacobianProduct: (pixels, cotangent) => {
        asked++;
        return Promise.resolve({ gradient: pullBack(cotangent), logits: product(pixels) });
      },
      classGradients: (pixels, chosen) => {
        asked++;
        const gradients = tf.tidy(() => {
          const columns = tf.unstack(chosen, 1) as Tensor1D[];
          return tf.stack(
            columns.map((column) => pullBack(tf.oneHot(column, classes).cast<Tensor2D>('float32'))),
            1,
          );
        });
        return Promise.resolve({ gradients, logits: product(pixels) });
      },
      dispose: () => {},
    },
  };
}

export function randomLinearModel(
  inputShape: readonly [number, number, number],
  classes: number,
  seed = 1,
): LinearModel {
  const weights = new Float32Array(inputShape[0] * inputShape[1] * inputShape[2] * classes);
  randomStream([seed, 7], 0).fillNormal(weights);
  return linearModel(inputShape, classes, weights);
}

/** Pixels uniform in [margin, 1 − margin]: with a margin of at least ε nothing is clipped. */
export function randomImages(
  count: number,
  shape: readonly [number, number, number],
  classes: number,
  { margin = 0, seed = 1 } = {},
): ImageBatch {
  const stream = randomStream([seed, 11], 0);
  const pixels = new Float32Array(count * shape[0] * shape[1] * shape[2]);
  stream.fillUniform(pixels);
  return {
    pixels: pixels.map((value) => margin + value * (1 - 2 * margin)),
    shape: [count, ...shape],
    labels: Int32Array.from({ length: count }, () => stream.integer(classes)),
    ids: Int32Array.from({ length: count }, (_, row) => row),
  };
}
