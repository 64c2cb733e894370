/**
 * Evaluates a network for training: with batch statistics, dropout, and the gradients of all weights from a
 * backward pass.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { tf } from '../tensors/tf.ts';
import type { Network, Preprocessing } from '../values/model.ts';
import { lossGradient } from './loss-gradient.ts';
import { networkShapes } from './network.ts';
import { batchNorm, batchNormGradient, channelSum } from './operations/batch-norm.ts';
import {
  convolutionFilterGradient,
  convolutionGeometry,
  convolutionInputGradient,
  convolve,
} from './operations/convolution.ts';
import { dense } from './operations/pointwise.ts';
import { weightlessStep } from './operations/weightless.ts';
import { backwardPass, recordTape } from './tape.ts';
import type { Evaluated, Tape } from './tape.ts';

export type DeviceWeights = Readonly<Record<string, Tensor>>;

export interface TrainingPass {
  /** Mean cross-entropy over the batch, a scalar. */
  readonly loss: Tensor;
  /** Number of images of the batch whose largest logit is that of their label, a scalar. */
  readonly correct: Tensor;
  /** Gradient of the loss with respect to every trained weight. */
  readonly gradients: Record<string, Tensor>;
  /** New running statistics of the batch norms. */
  readonly statistics: Record<string, Tensor>;
}

export interface TrainingBatch {
  /** `[n, h, w, c]` in [0, 1]. */
  readonly pixels: Tensor4D;
  /** Int32 `[n]`. */
  readonly labels: Tensor1D;
  /** Mask of the dropout node with this index and rate, `[n × size]`, with ones where dropout keeps. */
  readonly keep: (dropout: number, size: number, rate: number) => Float32Array;
}

/** Names of the weights that are trained by gradients: all except the running statistics. */
export function trainedWeights(weights: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(weights).filter((name) => !/\.running_(mean|var)$/.test(name));
}

/** One forward and backward pass. The caller disposes everything in the result. */
export function trainingPass(
  network: Network,
  preprocessing: Preprocessing,
  weights: DeviceWeights,
  batch: TrainingBatch,
): TrainingPass {
  return tf.tidy(() => {
    const { tape, statistics } = forwardPass(network, preprocessing, weights, batch);
    const logits = tape.values.get(network.output) as Tensor2D;
    const count = logits.shape[0];
    const label = tf.oneHot(batch.labels, network.classes);
    const logProbabilities = tf.logSoftmax(logits);
    const loss = tf.neg(tf.div(tf.sum(tf.mul(logProbabilities, tf.cast(label, 'float32'))), count));
    const correct = tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), batch.labels), 'float32'));
    const seed = tf.div(lossGradient(logits, batch.labels, 'cross-entropy'), count);
    const gradients = backwardPass(tape, network.output, seed, (left, right) => tf.add(left, right)).weights;
    return { loss, correct, gradients: Object.fromEntries(gradients), statistics };
  });
}

function forwardPass(
  network: Network,
  { mean, std }: Preprocessing,
  weights: DeviceWeights,
  batch: TrainingBatch,
): { tape: Tape<Tensor>; statistics: Record<string, Tensor> } {
  const shapes = networkShapes(network);
  const statistics: Record<string, Tensor> = {};
  const normalised = tf.div(tf.sub(batch.pixels, tf.tensor1d([...mean])), tf.tensor1d([...std]));
  let dropouts = 0;
  const tape = recordTape(network.nodes, normalised, (node, inputs): Evaluated<Tensor> => {
    const x = inputs[0]!;
    const weight = (part: string): Tensor => weights[`${node.name}.${part}`]!;
    // Nothing below the first layer is trained, so its input gradient is not needed.
    const wanted = (gradient: () => Tensor): Tensor[] => (node.inputs[0] === 'input' ? [] : [gradient()]);
    switch (node.op) {
      case 'conv': {
        const geometry = convolutionGeometry(node);
        const filter = weight('weight');
        return {
          output: convolve(x, filter, node.bias ? weight('bias') : null, 'linear', geometry),
          backward: (dy) => ({
            inputs: wanted(() => convolutionInputGradient(dy, filter, x.shape, geometry)),
            weights: {
              weight: convolutionFilterGradient(x, dy, filter.shape, geometry),
              ...(node.bias ? { bias: channelSum(dy) } : {}),
            },
          }),
        };
      }
      case 'dense': {
        const matrix = weight('weight');
        // The transposes are explicit, because the wasm backend multiplies transposed operands with a plain
        // loop, ten times slower.
        return {
          output: dense(x, matrix, node.bias ? weight('bias') : null, 'linear'),
          backward: (dy) => ({
            inputs: wanted(() => dense(dy, tf.transpose(matrix), null, 'linear')),
            weights: {
              weight: dense(tf.transpose(x), dy, null, 'linear'),
              ...(node.bias ? { bias: channelSum(dy) } : {}),
            },
          }),
        };
      }
      case 'batch-norm': {
        const gamma = weight('weight');
        const pass = batchNorm(x, gamma, weight('bias'), node.epsilon);
        const count = x.size / x.shape.at(-1)!;
        // As in PyTorch, the running variance takes the unbiased estimate, and the output the biased one.
        const unbiased = tf.mul(pass.variance, count / Math.max(count - 1, 1));
        statistics[`${node.name}.running_mean`] = blend(weight('running_mean'), pass.mean, node.momentum);
        statistics[`${node.name}.running_var`] = blend(weight('running_var'), unbiased, node.momentum);
        return {
          output: pass.output,
          backward: (dy) => {
            const { x: byInput, gamma: byGamma, beta: byBeta } = batchNormGradient(dy, pass, gamma);
            return { inputs: [byInput], weights: { weight: byGamma, bias: byBeta } };
          },
        };
      }
      case 'dropout': {
        const kept = batch.keep(dropouts++, x.size / x.shape[0], node.rate);
        // Inverted dropout scales here, so that inference need not.
        const mask = tf.mul(tf.tensor(kept, x.shape), 1 / (1 - node.rate));
        return {
          output: tf.mul(x, mask),
          backward: (dy) => ({ inputs: [tf.mul(dy, mask)], weights: {} }),
        };
      }
      default: {
        const step = weightlessStep(node, node.inputs, shapes);
        const output = step.forward(inputs);
        return {
          output,
          backward: (dy) => ({ inputs: step.backward(dy, { input: x, output }), weights: {} }),
        };
      }
    }
  });
  return { tape, statistics };
}

function blend(running: Tensor, batch: Tensor, momentum: number): Tensor {
  return tf.add(tf.mul(running, 1 - momentum), tf.mul(batch, momentum));
}
