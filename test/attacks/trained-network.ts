import type { AttackInput } from '../../src/attacks/images.ts';
import type { Images } from '../../src/values/images.ts';
import type { Model } from '../../src/values/model.ts';
import { toFloats } from '../../src/values/slices.ts';
import { imagesOf, runStage } from '../stages/run-stage.ts';
import { sharedData } from '../stages/shared-data.ts';

export interface TrainedNetwork {
  readonly model: Model;
  readonly images: AttackInput;
}

/** ResNet-20 and the first `count` CIFAR-10 test images; null, said on stderr, where they are absent. */
export async function resnet20(count: number): Promise<TrainedNetwork | null> {
  const batches = sharedData('cifar10-jpeg75/cifar-10-batches-bin');
  const weights = sharedData('models/cifar10-resnet20.safetensors');
  if (batches === null || weights === null) return null;
  const images = await imagesOf(
    'dataset/cifar10',
    { path: batches, split: 'test' },
    { root: '/', shard: { first: 0, count } },
  );
  const { outputs } = await runStage('model/cifar-resnet20', { weights }, { root: '/' });
  return { model: outputs['model'] as Model, images: inputOf(images) };
}

export function inputOf(images: Images): AttackInput {
  const { shape, labels, ids } = images;
  return { pixels: toFloats(images.pixels), shape, labels, ids };
}
