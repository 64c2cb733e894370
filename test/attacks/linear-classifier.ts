import type { Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { AttackInput } from '../../src/attacks/images.ts';
import type { Classifier } from '../../src/models/classifier.ts';
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
      tf.matMul<Tensor2D>(pixels.reshape([-1, features]), tf.tensor2d(weights, [features, classes])),
    );
  return {
    weights,
    gradients: () => asked,
    classifier: {
      classes,
      inputShape,
      logits: product,
      inputGradient: (pixels: Tensor4D, labels: Tensor1D) => {
        asked++;
        const logits = product(pixels);
        const gradient = tf.tidy(() =>
          logits
            .softmax()
            .sub(tf.oneHot(labels, classes))
            .matMul(tf.tensor2d(weights, [features, classes]), false, true)
            .reshape<Tensor4D>([-1, ...inputShape]),
        );
        return { gradient, logits };
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
): AttackInput {
  const stream = randomStream([seed, 11], 0);
  const pixels = new Float32Array(count * shape[0] * shape[1] * shape[2]);
  stream.fillUniform(pixels);
  return {
    pixels: pixels.map((value) => margin + value * (1 - 2 * margin)),
    shape: [count, ...shape],
    labels: Int32Array.from({ length: count }, () => stream.integer(classes)),
  };
}
