import { expect } from 'vitest';
import type { Evaluation } from '../../src/models/inference.ts';
import { type SgdOptions, trainSgd } from '../../src/training/sgd.ts';
import type { NetworkModel } from '../../src/values/model.ts';

/**
 * Trains an epoch of three steps on 12 images, as a graph and kernel by kernel, and expects that the weights differ
 * by less than `tolerance` of how far they moved.
 */
export async function expectSameSteps(
  model: NetworkModel,
  pixels: Float32Array,
  tolerance: number,
  options: Pick<SgdOptions, 'objective' | 'adversary'> = {},
): Promise<void> {
  const count = 12;
  const images = {
    kind: 'images' as const,
    pixels,
    shape: [count, ...model.network.inputShape] as const,
    views: 1,
    labels: Int32Array.from({ length: count }, (_, index) => index % 5),
    ids: Int32Array.from({ length: count }, (_, index) => index),
    classes: [],
  };
  const train = (evaluation: Evaluation): Promise<NetworkModel> =>
    trainSgd({
      model,
      images,
      seed: [1, 1],
      epochs: 1,
      batchSize: 4,
      learningRate: 0.01,
      momentum: 0.9,
      weightDecay: 1e-2,
      nesterov: true,
      schedule: { kind: 'constant' },
      evaluation,
      ...options,
    });
  const [graph, eager] = [await train('graph'), await train('eager')];
  for (const [name, { data }] of Object.entries(eager.weights)) {
    const moved = data.map((value, index) => value - model.weights[name]!.data[index]!);
    const off = data.map((value, index) => value - graph.weights[name]!.data[index]!);
    // Of a bias before a batch norm the gradient is rounding: only the decay moves it.
    expect(Math.hypot(...off), name).toBeLessThan(tolerance * Math.hypot(...moved));
  }
}
