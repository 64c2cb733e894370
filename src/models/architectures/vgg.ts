/** VGG-16, configuration D: Simonyan and Zisserman 2015. */
import type { Network } from '../../values/model.ts';
import { networkBuilder } from '../builder.ts';
import { NetworkError } from '../network.ts';
import type { ArchitectureOptions } from './options.ts';

const plan = [64, 64, 'pool', 128, 128, 'pool', 256, 256, 256, 'pool', 512, 512, 512, 'pool', 512, 512, 512, 'pool']; // prettier-ignore

/**
 * VGG-16 (Simonyan and Zisserman 2015). Tensor names are torchvision's: `features.0`, …, `features.28`,
 * `classifier.0`, `classifier.3`, `classifier.6`. The first dense layer reads 7 × 7 positions, so `size` must be a
 * multiple of 224 (7 · k positions are averaged k by k). Throws `NetworkError` for other sizes.
 */
export function vgg16({ size, classes }: ArchitectureOptions): Network {
  if (size % 224 !== 0) {
    throw new NetworkError(`the size of vgg16's images must be a multiple of 224, got ${size}`);
  }
  const build = networkBuilder({ architecture: 'vgg16', inputShape: [size, size, 3], classes });
  let last = 'input';
  let index = 0;
  for (const layer of plan) {
    if (typeof layer === 'number') {
      const conv = build.conv(`features.${index}`, last, { filters: layer, kernel: 3, padding: 1 });
      last = build.relu(`features.${index + 1}`, conv);
      index += 2;
    } else {
      last = build.maxPool(`features.${index}`, last, { kernel: 2 });
      index += 1;
    }
  }
  if (size > 224) last = build.averagePool('avgpool', last, { kernel: size / 224 });
  last = build.flatten('flatten', last);
  for (const first of [0, 3]) {
    const dense = build.dense(`classifier.${first}`, last, { units: 4096 });
    last = build.dropout(`classifier.${first + 2}`, build.relu(`classifier.${first + 1}`, dense), 0.5);
  }
  return build.build(build.dense('classifier.6', last, { units: classes }));
}
