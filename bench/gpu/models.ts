/** Networks and images of gpu.ts. */
import { join } from 'node:path';
import type { ImageBatch } from '../../src/attacks/images.ts';
import { zoo } from '../../src/models/architectures/zoo.ts';
import type { ArchitectureName } from '../../src/models/architectures/zoo.ts';
import { initializeModel } from '../../src/models/initialize.ts';
import { randomStream } from '../../src/tensors/random.ts';
import type { SgdOptions } from '../../src/training/sgd.ts';
import type { Images } from '../../src/values/images.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import { toFloats } from '../../src/values/slices.ts';
import { imagesOf, runStage } from '../../test/stages/run-stage.ts';

const preprocessing = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };

export function randomWeights(name: ArchitectureName, size: number): NetworkModel {
  const { build, initialization } = zoo[name];
  return initializeModel(build({ size, classes: 10 }), preprocessing, [1, 2], initialization);
}

export function randomPixels(length: number, seed = 3): Float32Array {
  const pixels = new Float32Array(length);
  randomStream([seed, 4]).fillUniform(pixels);
  return pixels;
}

export function labelsOf(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, index) => index % 10);
}

/** ResNet-20 and CIFAR-10 test images: of `data`, or random. */
export async function cifar(
  data: string | null,
  count: number,
): Promise<{ readonly model: NetworkModel; readonly images: ImageBatch; readonly trained: boolean }> {
  if (data === null) {
    const images: ImageBatch = {
      pixels: randomPixels(count * 32 * 32 * 3),
      shape: [count, 32, 32, 3],
      labels: labelsOf(count),
      ids: Int32Array.from({ length: count }, (_, id) => id),
    };
    return { model: randomWeights('cifar-resnet20', 32), images, trained: false };
  }
  const path = join(data, 'cifar10-jpeg75/cifar-10-batches-bin');
  const { pixels, shape, labels, ids } = await imagesOf('dataset/cifar10', { path, limit: count });
  const weights = join(data, 'models/cifar10-resnet20.safetensors');
  const { outputs } = await runStage('model/cifar-resnet20', { weights });
  return {
    model: outputs['model'] as NetworkModel,
    images: { pixels: toFloats(pixels), shape, labels, ids },
    trained: true,
  };
}

/** Random images to train on. */
/** One epoch of so many steps of ResNet-20 on random images. */
export function trainingOf(steps: number, batchSize: number): SgdOptions {
  return {
    model: randomWeights('cifar-resnet20', 32),
    images: trainingImages(steps * batchSize, [32, 32, 3]),
    seed: [1, 2],
    epochs: 1,
    batchSize,
    learningRate: 0.01,
    momentum: 0.9,
    weightDecay: 5e-4,
    nesterov: false,
    schedule: { kind: 'constant' },
  };
}

function trainingImages(count: number, shape: readonly [number, number, number]): Images {
  const pixels = Uint8Array.from(randomPixels(count * shape[0] * shape[1] * shape[2]), (x) => 255 * x);
  const ids = Int32Array.from({ length: count }, (_, id) => id);
  return {
    kind: 'images',
    pixels,
    shape: [count, ...shape],
    views: 1,
    labels: labelsOf(count),
    ids,
    classes: [],
  };
}
