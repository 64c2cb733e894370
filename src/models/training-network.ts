/**
 * Evaluates a network for training: with batch statistics, dropout, and the gradients of all weights from a
 * backward pass.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { tf } from '../tensors/tf.ts';
import type { Network, Preprocessing } from '../values/model.ts';
import { networkShapes } from './network.ts';
import { crossEntropy, evaluateObjective } from './objective.ts';
import type { Objective } from './objective.ts';
import { batchNorm, batchNormGradient, channelSum } from './operations/batch-norm.ts';
import {
  convolutionFilterGradient,
  convolutionGeometry,
  convolutionInputGradient,
  convolve,
} from './operations/convolution.ts';
import { dense, rowsOf } from './operations/pointwise.ts';
import { weighted, weightedInputGradient, weightedWeightGradients } from './operations/weighted.ts';
import { weightlessStep } from './operations/weightless.ts';
import { backwardPass, recordTape } from './tape.ts';
import type { Evaluated, Tape } from './tape.ts';

export type DeviceWeights = Readonly<Record<string, Tensor>>;

export interface TrainingPass {
  /** The objective, a scalar. */
  readonly loss: Tensor;
  /**
   * 1 for each image of the batch whose largest logit is that of its label, `[n]`; then the same for the
   * counterparts, if there are any.
   */
  readonly correct: Tensor;
  /** Gradient of the loss with respect to every trained weight. */
  readonly gradients: Record<string, Tensor>;
  /** New running statistics of the batch norms. */
  readonly statistics: Record<string, Tensor>;
}

export interface TrainingBatch {
  /** `[n, h, w, c]` in [0, 1]. */
  readonly pixels: Tensor4D;
  /** Adversarial counterparts of the images, of the same shape, for an objective with a divergence. */
  readonly counterparts?: Tensor4D;
  /** Int32 `[n]`. */
  readonly labels: Tensor1D;
  /**
   * Mask of the dropout node with this index and rate, `[n × size]`, with ones where dropout keeps. Indices of
   * the pass over the counterparts go on after those of the images.
   */
  readonly keep: (dropout: number, size: number, rate: number) => Float32Array;
}

/** Names of the weights that are trained by gradients: all except the running statistics. */
export function trainedWeights(weights: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(weights).filter((name) => !/\.running_(mean|var)$/.test(name));
}

/**
 * One forward and backward pass; the counterparts have a pass of their own, whose batch norms see them alone, and
 * both pull at the same weights. The caller disposes everything in the result.
 */
export function trainingPass(
  network: Network,
  preprocessing: Preprocessing,
  weights: DeviceWeights,
  batch: TrainingBatch,
  objective: Objective = crossEntropy,
): TrainingPass {
  return tf.tidy(() => {
    const own = forwardPass(network, preprocessing, weights, batch);
    const other =
      batch.counterparts &&
      forwardPass(
        network,
        preprocessing,
        { ...weights, ...own.statistics },
        {
          pixels: batch.counterparts,
          keep: (dropout, size, rate) => batch.keep(own.dropouts + dropout, size, rate),
        },
      );
    const passes = other === undefined ? [own] : [own, other];
    const logits = passes.map(({ tape }) => tape.values.get(network.output) as Tensor2D);
    const { loss, gradient, counterpartGradient } = evaluateObjective(
      objective,
      logits[0]!,
      logits[1] ?? null,
      batch.labels,
    );
    const gradients = gradientsOf(own.tape, network.output, gradient);
    if (other !== undefined && counterpartGradient !== null) {
      for (const [name, pull] of Object.entries(gradientsOf(other.tape, network.output, counterpartGradient)))
        gradients[name] = tf.add(gradients[name]!, pull);
    }
    const correct = tf.concat(
      logits.map((some) => tf.cast(tf.equal(tf.argMax(some, 1), batch.labels), 'float32')),
    );
    return { loss, correct, gradients, statistics: (other ?? own).statistics };
  });
}

function gradientsOf(tape: Tape<Tensor>, output: string, seed: Tensor): Record<string, Tensor> {
  return Object.fromEntries(backwardPass(tape, output, seed, (left, right) => tf.add(left, right)).weights);
}

function forwardPass(
  network: Network,
  { mean, std }: Preprocessing,
  weights: DeviceWeights,
  batch: Pick<TrainingBatch, 'pixels' | 'keep'>,
): { tape: Tape<Tensor>; statistics: Record<string, Tensor>; dropouts: number } {
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
        const geometry = convolutionGeometry(node, x.shape[3]!);
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
              weight: dense(tf.transpose(rowsOf(x)), rowsOf(dy), null, 'linear'),
              ...(node.bias ? { bias: channelSum(dy) } : {}),
            },
          }),
        };
      }
      case 'layer-norm':
      case 'affine':
      case 'offset':
      case 'tokens':
        return {
          output: weighted(node, x, weight),
          backward: (dy) => ({
            inputs: wanted(() => weightedInputGradient(node, dy, x, weight)),
            weights: weightedWeightGradients(node, dy, x),
          }),
        };
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
          backward: (dy) => ({ inputs: step.backward(dy, { inputs, output }), weights: {} }),
        };
      }
    }
  });
  return { tape, statistics, dropouts };
}

function blend(running: Tensor, batch: Tensor, momentum: number): Tensor {
  return tf.add(tf.mul(running, 1 - momentum), tf.mul(batch, momentum));
}
