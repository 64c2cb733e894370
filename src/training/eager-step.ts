/** A step of gradient descent as one kernel call after another, for every backend except tensorflow. */
import type { Tensor } from '@tensorflow/tfjs';
import { trainingPass } from '../models/training-network.ts';
import { tf } from '../tensors/tf.ts';
import type { NetworkModel } from '../values/model.ts';
import { replaceTensors } from './step.ts';
import type { SgdStep, StepHyperparameters } from './step.ts';

export function eagerStep(
  { network, preprocessing }: NetworkModel,
  { momentum, weightDecay, nesterov, objective }: StepHyperparameters,
): SgdStep {
  return {
    async take(state, batch, learningRate, keep) {
      const result = tf.tidy(() => {
        const { gradients, statistics, loss, correct } = trainingPass(
          network,
          preprocessing,
          state.weights,
          {
            pixels: tf.tensor4d(batch.pixels, batch.shape),
            labels: tf.tensor1d(batch.labels, 'int32'),
            ...(batch.counterparts && { counterparts: tf.tensor4d(batch.counterparts, batch.shape) }),
            keep,
          },
          objective,
        );
        const weights: Record<string, Tensor> = { ...statistics };
        const velocities: Record<string, Tensor> = {};
        for (const [name, gradient] of Object.entries(gradients)) {
          const weight = state.weights[name]!;
          const decayed = weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(weight, weightDecay));
          const velocity = tf.add(tf.mul(state.momentum[name]!, momentum), decayed);
          const direction = nesterov ? tf.add(decayed, tf.mul(velocity, momentum)) : velocity;
          velocities[name] = velocity;
          weights[name] = tf.sub(weight, tf.mul(direction, learningRate));
        }
        return { weights, velocities, measures: tf.concat([tf.reshape(loss, [1]), correct]) };
      });
      replaceTensors(state.weights, result.weights);
      replaceTensors(state.momentum, result.velocities);
      const [loss, ...correct] = await result.measures.data();
      result.measures.dispose();
      return { loss: loss!, correct: Float32Array.from(correct) };
    },
    dispose: () => undefined,
  };
}
