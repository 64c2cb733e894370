/** A step of gradient descent as one run of a TensorFlow graph: forward, backward and update. */
import type { Tensor } from '@tensorflow/tfjs';
import { emitter, rewritingOf } from '../models/graph/emitter.ts';
import { emitTraining } from '../models/graph/training.ts';
import { reshape } from '../models/graph/gates.ts';
import { crossEntropy } from '../models/objective.ts';
import { float32, int32 } from '../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../tensors/tensorflow/graph/graph-builder.ts';
import { openSession } from '../tensors/tensorflow/graph/session.ts';
import { hasOneDnnMaxPool } from '../tensors/tensorflow/one-dnn-max-pool.ts';
import { tf } from '../tensors/tf.ts';
import type { NetworkModel } from '../values/model.ts';
import { replaceTensors } from './step.ts';
import type { SgdStep, StepHyperparameters } from './step.ts';
import { elementCount } from '../values/element-count.ts';

/** Makes the step for `model`. The current backend must be tensorflow. */
export function graphStep(
  model: NetworkModel,
  { momentum, weightDecay, nesterov, objective = crossEntropy }: StepHyperparameters,
): SgdStep {
  const emit = emitter(model.network.inputShape, { hasOneDnnMaxPool });
  const training = emitTraining(emit, model, objective);
  const rate = emit.graph.placeholder('rate', float32, []);
  const velocities: Output[] = [];
  const times = (x: Output, factor: Output): Output => emit.float('Mul', [x, factor]);
  const newVelocities: Output[] = [];
  const newWeights: Output[] = [];
  const trained = [...training.gradients.keys()];
  for (const [name, gradient] of training.gradients) {
    const weight = training.weights.get(name)!;
    const old = emit.graph.placeholder(`velocity_${velocities.length}`, float32, model.weights[name]!.shape);
    const decay = times(weight, emit.numbers([weightDecay]));
    const decayed = weightDecay === 0 ? gradient : emit.float('AddV2', [gradient, decay]);
    const factor = emit.numbers([momentum]);
    const velocity = emit.float('AddV2', [times(old, factor), decayed]);
    const direction = nesterov ? emit.float('AddV2', [decayed, times(velocity, factor)]) : velocity;
    velocities.push(old);
    newVelocities.push(velocity);
    newWeights.push(emit.float('Sub', [weight, times(direction, rate)]));
  }
  const { dropouts, statistics, labels, counterparts } = training;
  const parts = [reshape(emit, training.loss, [1]), ...training.correct];
  const measures = emit.float('ConcatV2', [...parts, emit.integer(0)], { N: parts.length, Tidx: int32 });
  const session = openSession(
    emit.graph,
    [
      ...training.weights.values(),
      ...velocities,
      emit.pixels,
      ...(counterparts === null ? [] : [counterparts]),
      labels,
      rate,
      ...dropouts.map(({ mask }) => mask),
    ],
    [measures, ...newWeights, ...newVelocities, ...statistics.values()],
    { rewriting: rewritingOf(model.network.nodes) },
  );
  const named = (names: readonly string[], tensors: readonly Tensor[]): Record<string, Tensor> =>
    Object.fromEntries(names.map((name, index) => [name, tensors[index]!]));
  return {
    async take(state, batch, learningRate, keep) {
      const count = batch.labels.length;
      const fed = [
        tf.tensor4d(batch.pixels, batch.shape),
        ...(counterparts === null ? [] : [tf.tensor4d(batch.counterparts!, batch.shape)]),
        tf.tensor1d(batch.labels, 'int32'),
        tf.scalar(learningRate),
        ...dropouts.map(({ rate: dropped, shape }, index) => {
          const size = elementCount(shape);
          return tf.tensor(keep(index, size, dropped), [count, ...shape]);
        }),
      ];
      const held = [
        ...[...training.weights.keys()].map((name) => state.weights[name]!),
        ...trained.map((name) => state.momentum[name]!),
      ];
      let results: Tensor[];
      try {
        results = session.run([...held, ...fed]);
      } finally {
        tf.dispose(fed);
      }
      const [measured, ...updates] = results;
      replaceTensors(state.weights, named(trained, updates));
      replaceTensors(state.momentum, named(trained, updates.slice(trained.length)));
      replaceTensors(state.weights, named([...statistics.keys()], updates.slice(2 * trained.length)));
      const [loss, ...correct] = (await measured!.data()) as Float32Array;
      measured!.dispose();
      return { loss: loss!, correct: Float32Array.from(correct) };
    },
    dispose: () => session.dispose(),
  };
}
