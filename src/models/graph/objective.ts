/** The objectives of ../objective.ts in a TensorFlow graph. The formulas are explained there. */
import { int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Objective } from '../objective.ts';
import type { Emitter } from './emitter.ts';
import { emitLossGradient, emitOneHot, emitRowSum } from './loss.ts';

export interface EmittedObjective {
  readonly loss: Output;
  readonly gradient: Output;
  /** Null without a divergence. */
  readonly counterpartGradient: Output | null;
}

/**
 * Emits the mean objective of a training step and its gradient with respect to the logits. `count` is the number
 * of images in the run, a float32 scalar.
 */
export function emitObjective(
  emit: Emitter,
  { labelSmoothing, divergence }: Objective,
  { logits, counterparts, labels }: { logits: Output; counterparts: Output | null; labels: Output },
  classes: number,
  count: Output,
): EmittedObjective {
  const float: Emitter['float'] = (...operation) => emit.float(...operation);
  const numbers: Emitter['numbers'] = (...values) => emit.numbers(...values);
  const total = (x: Output): Output =>
    float('Sum', [x, emit.integers([0, 1])], { Tidx: int32, keep_dims: false });
  const scaled = (x: Output, factor: number): Output => float('Mul', [x, numbers([factor])]);
  const label = emitOneHot(emit, labels, classes);
  const target =
    labelSmoothing === 0
      ? label
      : float('AddV2', [scaled(label, 1 - labelSmoothing), numbers([labelSmoothing / classes])]);
  const logProbabilities = float('LogSoftmax', [logits]);
  const loss = float('Neg', [float('RealDiv', [total(float('Mul', [logProbabilities, target])), count])]);
  const own = emitLossGradient(emit, logits, labels, classes, 'cross-entropy');
  const sum = labelSmoothing === 0 ? own : float('AddV2', [own, float('Sub', [label, target])]);
  const gradient = float('RealDiv', [sum, count]);
  if (divergence === 0 || counterparts === null) return { loss, gradient, counterpartGradient: null };
  const probabilities = float('Exp', [logProbabilities]);
  const others = float('LogSoftmax', [counterparts]);
  const differences = float('Sub', [logProbabilities, others]);
  const each = emitRowSum(emit, float('Mul', [probabilities, differences]));
  const weight = float('RealDiv', [numbers([divergence]), count]);
  const pulled = float('Mul', [float('Mul', [probabilities, float('Sub', [differences, each])]), weight]);
  return {
    loss: float('AddV2', [loss, float('Mul', [total(each), weight])]),
    gradient: float('AddV2', [gradient, pulled]),
    counterpartGradient: float('Mul', [float('Sub', [float('Exp', [others]), probabilities]), weight]),
  };
}
