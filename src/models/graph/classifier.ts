/** A classifier that computes each result by one run of a TensorFlow graph. */
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { float32, int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import { keepsTensors, openSession } from '../../tensors/tensorflow/graph/session.ts';
import type { GraphSession } from '../../tensors/tensorflow/graph/session.ts';
import { hasOneDnnMaxPool } from '../../tensors/tensorflow/one-dnn-max-pool.ts';
import { tf } from '../../tensors/tf.ts';
import type { Network } from '../../values/model.ts';
import type { AttackLoss, FoldedClassifier, InputGradient, TargetedDlr } from '../classifier.ts';
import type { FoldedNetwork } from '../folding.ts';
import { checkLoss } from '../loss-gradient.ts';
import { emitter, rewritingOf } from './emitter.ts';
import type { Emitter } from './emitter.ts';
import { emitForward, graphWeights } from './inference.ts';
import type { EmittedForward } from './inference.ts';
import { emitLossGradient, emitOneHot, emitTargetedDlrGradient } from './loss.ts';

/**
 * Number of backward passes in one graph of class gradients. More classes take several runs, each with its
 * own forward pass. A graph's memory and its first run (0.1 s per pass on ResNet-50) grow with this number.
 */
const classesPerRun = 10;

/**
 * Opens a classifier for `folded`, which is `network` with its weights. The current backend must be
 * tensorflow. Graphs are made when they are first needed: one for the logits, one for each loss, one for
 * products, and one for each number of class gradients. Weights are inputs instead of being part of the graphs,
 * so the graphs share their memory: they go to the device once, when the first graph runs. With the binding of an
 * earlier set-up every run copies its inputs, including weights, and its results through host memory.
 */
export function graphClassifier(
  { classes, inputShape, nodes }: Network,
  folded: FoldedNetwork,
): FoldedClassifier {
  let weights = onDevice(folded);
  const isFunction = keepsTensors();
  const rewriting = rewritingOf(nodes);
  const sessions = new Map<string, GraphSession>();

  /**
   * Opens the session of this key. `emitRest` adds to the forward pass, and returns what else is fed and
   * fetched.
   */
  const session = (
    key: string,
    emitRest: (emit: Emitter, forward: EmittedForward) => { feeds: Output[]; fetches: Output[] },
  ): GraphSession => {
    let opened = sessions.get(key);
    if (opened === undefined) {
      const emit = emitter(inputShape, key === 'logits' ? {} : { hasOneDnnMaxPool });
      const forward = emitForward(emit, folded);
      const { feeds, fetches } = emitRest(emit, forward);
      opened = openSession(
        emit.graph,
        [...forward.weights, emit.pixels, ...feeds],
        [forward.logits, ...fetches],
        { isFunction, rewriting },
      );
      sessions.set(key, opened);
    }
    return opened;
  };

  const lossSession = (loss: AttackLoss | TargetedDlr['kind']): GraphSession =>
    session(loss, (emit, forward) => emitLoss(emit, forward, loss, classes));

  const pullBack = (graph: GraphSession, pixels: Tensor4D, ...seeds: readonly Tensor[]): InputGradient => {
    const [logits, gradient] = graph.run([...weights, pixels, ...seeds]);
    return { gradient: gradient as Tensor4D, logits: logits as Tensor2D };
  };

  const classGradients = (
    pixels: Tensor4D,
    chosen: Tensor2D,
  ): { readonly gradients: Tensor; readonly logits: Tensor2D } => {
    const count = chosen.shape[1];
    const graph = session(`classes ${count}`, (emit, { backward }) => {
      const columns = emit.graph.placeholder('classes', int32, [-1, count]);
      const first = emit.graph.add('Unpack', [columns], { T: int32, num: count, axis: 1 });
      const gradients = Array.from({ length: count }, (_, column) =>
        backward(emitOneHot(emit, emit.graph.output(first, column), classes)),
      );
      return { feeds: [columns], fetches: [emit.float('Pack', gradients, { N: count, axis: 1 })] };
    });
    const [logits, gradients] = graph.run([...weights, pixels, chosen]);
    return { gradients: gradients!, logits: logits as Tensor2D };
  };

  return {
    classes,
    inputShape,
    staysOnDevice: isFunction,
    logits: (pixels) =>
      promised(() => {
        const graph = session('logits', () => ({ feeds: [], fetches: [] }));
        return graph.run([...weights, pixels])[0] as Tensor2D;
      }),
    inputGradient: (pixels, labels, loss) =>
      promised(() => {
        checkLoss(loss, classes);
        if (typeof loss !== 'object') return pullBack(lossSession(loss), pixels, labels);
        const targets = tf.tensor1d(loss.targets, 'int32');
        const result = pullBack(lossSession(loss.kind), pixels, labels, targets);
        targets.dispose();
        return result;
      }),
    vectorJacobianProduct: (pixels, cotangent) =>
      promised(() => {
        const graph = session('product', (emit, { backward }) => {
          const seed = emit.graph.placeholder('cotangent', float32, [-1, classes]);
          return { feeds: [seed], fetches: [backward(seed)] };
        });
        return pullBack(graph, pixels, cotangent);
      }),
    classGradients: (pixels, chosen) =>
      promised(() => {
        const [rows, count] = chosen.shape;
        if (count <= classesPerRun) return classGradients(pixels, chosen);
        const parts = tf.tidy(() =>
          Array.from({ length: Math.ceil(count / classesPerRun) }, (_, run) => {
            const first = run * classesPerRun;
            return classGradients(
              pixels,
              tf.slice(chosen, [0, first], [rows, Math.min(classesPerRun, count - first)]),
            );
          }),
        );
        const each = parts.map((part) => part.gradients);
        const gradients = tf.concat(each, 1);
        tf.dispose([...each, ...parts.slice(1).map((part) => part.logits)]);
        return { gradients, logits: parts[0]!.logits };
      }),
    replaceFolded(changed) {
      tf.dispose(weights);
      weights = onDevice(changed);
    },
    dispose() {
      tf.dispose(weights);
      sessions.forEach((opened) => opened.dispose());
      sessions.clear();
    },
  };
}

/** Adds the input gradient of a loss; the labels are fed, and the targets if there are any. */
function emitLoss(
  emit: Emitter,
  { logits, backward }: EmittedForward,
  loss: AttackLoss | TargetedDlr['kind'],
  classes: number,
): { feeds: Output[]; fetches: Output[] } {
  const labels = emit.graph.placeholder('labels', int32, [-1]);
  if (loss !== 'targeted-dlr') {
    const seed = emitLossGradient(emit, logits, labels, classes, loss);
    return { feeds: [labels], fetches: [backward(seed)] };
  }
  const targets = emit.graph.placeholder('targets', int32, [-1]);
  const seed = emitTargetedDlrGradient(emit, logits, labels, targets, classes);
  return { feeds: [labels, targets], fetches: [backward(seed)] };
}

function onDevice(folded: FoldedNetwork): Tensor[] {
  return graphWeights(folded).map(({ data, shape }) => tf.tensor(data, [...shape]));
}

/** Turns an exception into a rejection, which the methods of a classifier promise. */
function promised<Result>(compute: () => Result): Promise<Result> {
  return new Promise((resolve) => {
    resolve(compute());
  });
}
