import type { ImageBatch } from '../../src/attacks/images.ts';
import type { Images } from '../../src/values/images.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import { toFloats } from '../../src/values/slices.ts';
import { imagesOf, runStage } from '../stages/run-stage.ts';
import { sharedData } from '../stages/shared-data.ts';

export interface TrainedNetwork {
  readonly model: NetworkModel;
  readonly images: ImageBatch;
}

/** ResNet-20 and the first `count` CIFAR-10 test images; null, said on stderr, where they are absent. */
export async function resnet20(count: number): Promise<TrainedNetwork | null> {
  const batches = sharedData('cifar10-jpeg75/cifar-10-batches-bin');
  const weights = sharedData('models/cifar10-resnet20.safetensors');
  if (batches === null || weights === null) return null;
  const images = await imagesOf('dataset/cifar10', { path: batches, limit: count });
  const { outputs } = await runStage('model/cifar-resnet20', { weights });
  return { model: outputs['model'] as NetworkModel, images: inputOf(images) };
}

export function inputOf(images: Images): ImageBatch {
  const { shape, labels, ids } = images;
  return { pixels: toFloats(images.pixels), shape, labels, ids };
}

/** SqueezeNet 1.0 and the first `count` ImageNet photographs at 227 × 227; null, said on stderr, where they are absent. */
export async function squeezenet(count: number): Promise<TrainedNetwork | null> {
  const photographs = sharedData('imagenet-sample/val');
  const classes = sharedData('imagenet-sample/classes.json');
  const weights = sharedData('models/squeezenet1_0.safetensors');
  if (photographs === null || classes === null || weights === null) return null;
  const images = await imagesOf('dataset/image-folder', {
    path: photographs,
    classes,
    crop: 227,
    limit: count,
  });
  const { outputs } = await runStage('model/squeezenet1_0', {
    weights,
    size: 227,
    mean: [123 / 255, 117 / 255, 104 / 255],
    std: [1 / 255],
  });
  return { model: outputs['model'] as NetworkModel, images: inputOf(images) };
}
