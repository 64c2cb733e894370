/**
 * The loss gradients of ../loss-gradient.ts in a TensorFlow graph. The formulas and their reasons are
 * explained there.
 */
import { int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { AttackLoss } from '../classifier.ts';
import { leastSlope } from '../loss-gradient.ts';
import type { Emitter } from './emitter.ts';

/**
 * Emits the gradient of a loss with respect to the logits `[n, classes]`, for int32 `labels` `[n]`. `dlr` needs
 * three classes or more.
 */
export function emitLossGradient(
  emit: Emitter,
  logits: Output,
  labels: Output,
  classes: number,
  loss: AttackLoss,
): Output {
  const label = emitOneHot(emit, labels, classes);
  switch (loss) {
    case 'cross-entropy': {
      const largest = emit.float('Max', [emitWithoutLabel(emit, logits, label), emit.integers([1])], {
        Tidx: int32,
        keep_dims: true,
      });
      const relative = emit.float('Minimum', [emit.float('Sub', [logits, largest]), emit.numbers([0])]);
      const least = emit.float('Mul', [emit.float('Exp', [relative]), emit.numbers([leastSlope])]);
      const probabilities = emit.float('Maximum', [emit.float('Softmax', [logits]), least]);
      const others = emit.float('Mul', [probabilities, emit.float('Sub', [emit.numbers([1]), label])]);
      return emit.float('Sub', [others, emit.float('Mul', [label, emitRowSum(emit, others)])]);
    }
    case 'margin':
      return emit.float('Sub', [emitRival(emit, logits, label, classes), label]);
    case 'dlr':
      return emitDlrGradient(emit, logits, label, classes);
  }
}

/** One-hot rows of int32 indices. */
export function emitOneHot(emit: Emitter, indices: Output, classes: number): Output {
  return emit.float('OneHot', [indices, emit.integer(classes), emit.numbers([1]), emit.numbers([0])], {
    TI: int32,
    axis: -1,
  });
}

/** Sums of the rows, `[n, 1]`. */
export function emitRowSum(emit: Emitter, x: Output): Output {
  return emit.float('Sum', [x, emit.integers([1])], { Tidx: int32, keep_dims: true });
}

export function emitArgMax(emit: Emitter, x: Output): Output {
  return emit.float('ArgMax', [x, emit.integer(1)], { Tidx: int32, output_type: int32 });
}

/** One-hot of the largest logit that is not the label's. */
function emitRival(emit: Emitter, logits: Output, label: Output, classes: number): Output {
  return emitOneHot(emit, emitArgMax(emit, emitWithoutLabel(emit, logits, label)), classes);
}

function emitWithoutLabel(emit: Emitter, logits: Output, label: Output): Output {
  return emit.float('Sub', [logits, emit.float('Mul', [label, emit.numbers([1e30])])]);
}

function emitDlrGradient(emit: Emitter, logits: Output, label: Output, classes: number): Output {
  const [first, , third] = emitRanked(emit, logits, classes, 3);
  const marginGradient = emit.float('Sub', [emitRival(emit, logits, label, classes), label]);
  return emitRatioGradient(emit, logits, marginGradient, emit.float('Sub', [first!, third!]));
}

/** `labels` and `targets` are int32 `[n]`. Needs four classes or more. */
export function emitTargetedDlrGradient(
  emit: Emitter,
  logits: Output,
  labels: Output,
  targets: Output,
  classes: number,
): Output {
  const label = emitOneHot(emit, labels, classes);
  const target = emitOneHot(emit, targets, classes);
  const [first, , third, fourth] = emitRanked(emit, logits, classes, 4);
  const middle = emit.float('Mul', [emit.float('Add', [third!, fourth!]), emit.numbers([0.5])]);
  const marginGradient = emit.float('Sub', [target, label]);
  return emitRatioGradient(emit, logits, marginGradient, emit.float('Sub', [first!, middle]));
}

/** One-hots of the largest logits, from the first rank on. */
function emitRanked(emit: Emitter, logits: Output, classes: number, count: number): readonly Output[] {
  const ranked = emit.float('TopKV2', [logits, emit.integer(count)], { Tk: int32, index_type: int32 });
  const ranks = emit.graph.add('Unpack', [emit.graph.output(ranked, 1)], { T: int32, num: count, axis: 1 });
  return Array.from({ length: count }, (_, rank) =>
    emitOneHot(emit, rank === 0 ? ranks : emit.graph.output(ranks, rank), classes),
  );
}

function emitRatioGradient(
  emit: Emitter,
  logits: Output,
  marginGradient: Output,
  spreadGradient: Output,
): Output {
  const along = (direction: Output): Output => emitRowSum(emit, emit.float('Mul', [logits, direction]));
  const spread = emit.float('Maximum', [along(spreadGradient), emit.numbers([1e-12])]);
  const ratio = emit.float('RealDiv', [along(marginGradient), spread]);
  const change = emit.float('Sub', [marginGradient, emit.float('Mul', [ratio, spreadGradient])]);
  return emit.float('RealDiv', [change, spread]);
}
