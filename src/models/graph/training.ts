/** The training pass of ../training-network.ts in a TensorFlow graph, with the same mathematics. */
import { boolean, float32, int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { NetworkModel } from '../../values/model.ts';
import { networkShapes } from '../network.ts';
import type { ActivationShape } from '../network.ts';
import type { Objective } from '../objective.ts';
import { convolutionGeometry } from '../operations/convolution.ts';
import { backwardPass, recordTape } from '../tape.ts';
import type { Evaluated, Tape } from '../tape.ts';
import {
  emitConvolution,
  emitConvolutionFilterGradient,
  emitConvolutionInputGradient,
  emitDense,
  emitDenseInputGradient,
  emitDenseMatrixGradient,
} from './convolution.ts';
import type { Emitter } from './emitter.ts';
import { emitArgMax } from './loss.ts';
import { emitObjective } from './objective.ts';
import { reshape } from './gates.ts';
import { emitWeighted, emitWeightedInputGradient, emitWeightedWeightGradients } from './weighted.ts';
import { emitWeightless, emitWeightlessGradient } from './weightless.ts';

export interface EmittedTraining {
  /** Int32 `[n]`. */
  readonly labels: Output;
  /** Placeholder of the adversarial counterparts of the images; null without a divergence. */
  readonly counterparts: Output | null;
  /** Placeholders of the weights by name, in the order of the model. */
  readonly weights: ReadonlyMap<string, Output>;
  /** One for each dropout node of the network; its mask `[n, ...]` is fed with ones where dropout keeps. */
  readonly dropouts: readonly EmittedDropout[];
  /** The objective, a scalar. */
  readonly loss: Output;
  /**
   * 1 for each image whose largest logit is that of its label, `[n]`; then the same for the counterparts, if there
   * are any.
   */
  readonly correct: readonly Output[];
  /** Gradient of the loss with respect to every trained weight. */
  readonly gradients: ReadonlyMap<string, Output>;
  /** New running statistics of the batch norms. */
  readonly statistics: ReadonlyMap<string, Output>;
}

export interface EmittedDropout {
  readonly mask: Output;
  readonly rate: number;
  /** Shape of one image. */
  readonly shape: ActivationShape;
}

/** `objective` decides whether there are counterparts, which are fed as images of their own. */
export function emitTraining(emit: Emitter, model: NetworkModel, objective: Objective): EmittedTraining {
  const { network, weights } = model;
  const placeholders = new Map<string, Output>();
  for (const [index, [name, { shape }]] of Object.entries(weights).entries())
    placeholders.set(name, emit.graph.placeholder(`weight_${index}`, float32, shape));
  const dropouts: EmittedDropout[] = [];
  const own = emitPass(emit, model, emit.pixels, placeholders, dropouts);
  const counterparts =
    objective.divergence === 0
      ? null
      : emit.graph.placeholder('counterparts', float32, [-1, ...network.inputShape]);
  const other =
    counterparts === null
      ? null
      : emitPass(emit, model, counterparts, new Map([...placeholders, ...own.statistics]), dropouts);
  const passes = other === null ? [own] : [own, other];
  const logits = passes.map(({ tape }) => tape.values.get(network.output)!);
  const labels = emit.graph.placeholder('labels', int32, [-1]);
  const { loss, gradient, counterpartGradient } = emitObjective(
    emit,
    objective,
    { logits: logits[0]!, counterparts: logits[1] ?? null, labels },
    network.classes,
    batchSize(emit),
  );
  // This also emits gradients that lead to no trained weight. TensorFlow leaves out what no fetch needs.
  const gradients = emitGradients(emit, own.tape, network.output, gradient);
  if (other !== null && counterpartGradient !== null) {
    for (const [name, pull] of emitGradients(emit, other.tape, network.output, counterpartGradient))
      gradients.set(name, emit.float('AddV2', [gradients.get(name)!, pull]));
  }
  const correct = logits.map((some) =>
    emit.graph.add('Cast', [emit.graph.add('Equal', [emitArgMax(emit, some), labels], { T: int32 })], {
      SrcT: boolean,
      DstT: float32,
    }),
  );
  return {
    labels,
    counterparts,
    weights: placeholders,
    dropouts,
    loss,
    correct,
    gradients,
    statistics: (other ?? own).statistics,
  };
}

function emitGradients(emit: Emitter, tape: Tape<Output>, output: string, seed: Output): Map<string, Output> {
  return new Map(
    backwardPass(tape, output, seed, (left, right) => emit.float('AddV2', [left, right])).weights,
  );
}

/** A forward pass with batch statistics; its dropout masks are added to `dropouts`. */
function emitPass(
  emit: Emitter,
  { network, preprocessing, weights }: NetworkModel,
  pixels: Output,
  given: ReadonlyMap<string, Output>,
  dropouts: EmittedDropout[],
): { readonly tape: Tape<Output>; readonly statistics: ReadonlyMap<string, Output> } {
  const shapes = networkShapes(network);
  const statistics = new Map<string, Output>();
  const mean = emit.numbers(preprocessing.mean);
  const centred = emit.float('Sub', [pixels, mean]);
  const normalised = emit.float('RealDiv', [centred, emit.numbers(preprocessing.std)]);
  const tape = recordTape(network.nodes, normalised, (node, inputs): Evaluated<Output> => {
    const x = inputs[0]!;
    const inputShape = shapes.get(node.inputs[0])!;
    const weight = (part: string): Output => given.get(`${node.name}.${part}`)!;
    const biasGradient = (dy: Output): Record<string, Output> =>
      'bias' in node && node.bias ? { bias: emit.float('BiasAddGrad', [dy], { data_format: 'NHWC' }) } : {};
    switch (node.op) {
      case 'conv': {
        const filter = weights[`${node.name}.weight`]!;
        const geometry = convolutionGeometry(node, inputShape[2]!);
        const convolution = { geometry, inputShape, filter, activation: 'linear' as const };
        const bias = node.bias ? weight('bias') : null;
        return {
          output: emitConvolution(emit, x, weight('weight'), bias, convolution),
          backward: (dy) => ({
            inputs: [emitConvolutionInputGradient(emit, dy, weight('weight'), convolution)],
            weights: { weight: emitConvolutionFilterGradient(emit, x, dy, convolution), ...biasGradient(dy) },
          }),
        };
      }
      case 'dense': {
        const dense = { inputShape, matrix: weights[`${node.name}.weight`]!, activation: 'linear' as const };
        return {
          output: emitDense(emit, x, weight('weight'), node.bias ? weight('bias') : null, dense),
          backward: (dy) => ({
            inputs: [emitDenseInputGradient(emit, dy, weight('weight'), dense)],
            weights: { weight: emitDenseMatrixGradient(emit, x, dy, dense), ...biasGradient(dy) },
          }),
        };
      }
      case 'layer-norm':
      case 'affine':
      case 'offset':
      case 'tokens':
        return {
          output: emitWeighted(emit, node, x, weight, inputShape),
          backward: (dy) => ({
            inputs: [emitWeightedInputGradient(emit, node, dy, x, weight, inputShape)],
            weights: emitWeightedWeightGradients(emit, node, dy, x, inputShape),
          }),
        };
      case 'batch-norm':
        return emitBatchNorm(emit, x, inputShape, node.epsilon, weight, (part, batch) => {
          const running = emit.float('Mul', [weight(part), emit.numbers([1 - node.momentum])]);
          const blended = emit.float('AddV2', [running, emit.float('Mul', [batch, emit.numbers([node.momentum])])]); // prettier-ignore
          statistics.set(`${node.name}.${part}`, blended);
        });
      case 'dropout': {
        const { rate } = node;
        const kept = emit.graph.placeholder(`dropout_${dropouts.length}`, float32, [-1, ...inputShape]);
        dropouts.push({ mask: kept, rate, shape: inputShape });
        // Inverted dropout scales here, so that inference need not.
        const mask = emit.float('Mul', [kept, emit.numbers([1 / (1 - rate)])]);
        return {
          output: emit.float('Mul', [x, mask]),
          backward: (dy) => ({ inputs: [emit.float('Mul', [dy, mask])], weights: {} }),
        };
      }
      default: {
        const output = emitWeightless(emit, node, inputs, shapes);
        return {
          output,
          backward: (dy) => ({
            inputs: emitWeightlessGradient(emit, node, dy, inputs, output, shapes),
            weights: {},
          }),
        };
      }
    }
  });
  return { tape, statistics };
}

/**
 * Batch normalisation with the statistics of the batch. `onStatistics` receives them; the variance is the
 * unbiased one.
 */
function emitBatchNorm(
  emit: Emitter,
  x: Output,
  inputShape: ActivationShape,
  epsilon: number,
  weight: (part: string) => Output,
  onStatistics: (part: 'running_mean' | 'running_var', batch: Output) => void,
): Evaluated<Output> {
  const channels = inputShape.at(-1)!;
  const isImage = inputShape.length === 3;
  const asImages = (rows: Output): Output => (isImage ? rows : reshape(emit, rows, [-1, 1, 1, channels]));
  const asRows = (images: Output): Output => (isImage ? images : reshape(emit, images, [-1, channels]));
  const attributes = { U: float32, epsilon: { real: epsilon }, data_format: 'NHWC', is_training: true };
  const gamma = weight('weight');
  const none = emit.numbers([], [0]);
  const images = asImages(x);
  const normalised = emit.float('FusedBatchNormV3', [images, gamma, weight('bias'), none, none], attributes);
  const part = (index: number): Output => emit.graph.output(normalised, index);
  onStatistics('running_mean', part(1));
  onStatistics('running_var', part(2));
  return {
    output: asRows(normalised),
    backward: (dy) => {
      const gradient = emit.float(
        'FusedBatchNormGradV3',
        [asImages(dy), images, gamma, part(3), part(4), part(5)],
        attributes,
      );
      return {
        inputs: [asRows(gradient)],
        weights: { weight: emit.graph.output(gradient, 1), bias: emit.graph.output(gradient, 2) },
      };
    },
  };
}

/** Number of images in this run, a float32 scalar. */
function batchSize(emit: Emitter): Output {
  const count = emit.graph.add('Cast', [emit.batchShape([])], { SrcT: int32, DstT: float32 });
  return reshape(emit, count, []);
}
