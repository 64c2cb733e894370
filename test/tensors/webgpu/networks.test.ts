import type { Tensor4D } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { zoo } from '../../../src/models/architectures/zoo.ts';
import type { ArchitectureName } from '../../../src/models/architectures/zoo.ts';
import { openClassifier } from '../../../src/models/inference.ts';
import { initializeModel } from '../../../src/models/initialize.ts';
import { openBackend } from '../../../src/tensors/backend.ts';
import { randomStream } from '../../../src/tensors/random.ts';
import { tf } from '../../../src/tensors/tf.ts';
import { hasWebgpu } from '../backends.ts';

const names: readonly [ArchitectureName, size: number][] = [
  ['cifar-resnet20', 32],
  ['mobilenet-v2', 32],
];

describe.runIf(hasWebgpu)('on webgpu', () => {
  it.each(names)('%s at %d pixels gives the logits of wasm within 1e-3', async (name, size) => {
    const { build, initialization } = zoo[name];
    const network = build({ size, classes: 10 });
    const model = initializeModel(
      network,
      { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
      [1, 2],
      initialization,
    );
    const [height, width, channels] = network.inputShape;
    const pixels = new Float32Array(height * width * channels);
    randomStream([3, 4]).fillUniform(pixels);
    const logits = async (backend: string): Promise<Float32Array> => {
      await openBackend(backend);
      const classifier = await openClassifier(model);
      const batch: Tensor4D = tf.tensor4d(pixels, [1, height, width, channels]);
      const result = await classifier.logits(batch);
      const values = (await result.data()) as Float32Array;
      tf.dispose([batch, result]);
      classifier.dispose();
      return values.slice();
    };
    const expected = await logits('wasm');
    const actual = await logits('webgpu');
    const scale = Math.max(...expected.map(Math.abs));
    expect(scale).toBeGreaterThan(0.01);
    const worst = Math.max(...actual.map((value, index) => Math.abs(value - expected[index]!)));
    expect(worst / scale).toBeLessThan(1e-3);
  });
});
