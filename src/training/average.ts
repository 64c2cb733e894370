/** The exponential moving average of a network's weights. */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../tensors/tf.ts';
import { replaceTensors } from './step.ts';

/**
 * Takes the weights after a step into their average: a ← decay · a + (1 − decay) · w, and a = w after the first step, when
 * `average` is empty. After n steps a = decay^(n−1) w₁ + (1 − decay) Σ_{k=2…n} decay^(n−k) w_k. The running
 * statistics of batch norms are averaged as the weights are (Polyak and Juditsky 1992; Tarvainen and Valpola 2017; as torch's
 * `AveragedModel` with `get_ema_multi_avg_fn` and `use_buffers`). Replaces the tensors of `average`.
 */
export function averageWeights(
  average: Record<string, Tensor>,
  weights: Readonly<Record<string, Tensor>>,
  decay: number,
): void {
  const updated: Record<string, Tensor> = {};
  for (const [name, weight] of Object.entries(weights)) {
    const before = average[name];
    updated[name] =
      before === undefined
        ? tf.clone(weight)
        : tf.tidy(() => tf.add(tf.mul(before, decay), tf.mul(weight, 1 - decay)));
  }
  replaceTensors(average, updated);
}
