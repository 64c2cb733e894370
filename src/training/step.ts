/** One step of stochastic gradient descent, which each backend takes in its own way. */
import type { Tensor } from '@tensorflow/tfjs';
import type { Objective } from '../models/objective.ts';
import { tf } from '../tensors/tf.ts';
import type { Batch } from './batches.ts';
import type { TrainingState } from './state.ts';

export interface StepHyperparameters {
  readonly momentum: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
  /** The cross-entropy if absent. */
  readonly objective?: Objective;
}

export interface StepMeasures {
  /** The objective over the batch, before the step. */
  readonly loss: number;
  /**
   * 1 for each row of the batch whose largest logit was that of its label; then the same for the counterparts, if
   * there are any.
   */
  readonly correct: Float32Array;
}

/**
 * Returns the mask of the dropout node with this index and rate, `[n × size]`, with ones where dropout keeps.
 */
export type Keep = (dropout: number, size: number, rate: number) => Float32Array;

export interface SgdStep {
  /** Takes one step, replacing the tensors of `state`. */
  take(state: TrainingState, batch: Batch, learningRate: number, keep: Keep): Promise<StepMeasures>;
  dispose(): void;
}

/** Puts the tensors of `source` in place of those in `target`, which it disposes. */
export function replaceTensors(
  target: Record<string, Tensor>,
  source: Readonly<Record<string, Tensor>>,
): void {
  for (const [name, tensor] of Object.entries(source)) {
    tf.dispose(target[name]);
    target[name] = tensor;
  }
}
