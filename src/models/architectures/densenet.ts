/** DenseNet-BC for ImageNet with growth 32: Huang et al. 2017. */
import type { Network } from '../../values/model.ts';
import { networkBuilder } from '../builder.ts';
import type { ArchitectureOptions } from './options.ts';

export type DensenetDepth = 121 | 169;

const layers: Readonly<Record<DensenetDepth, readonly number[]>> = {
  121: [6, 12, 24, 16],
  169: [6, 12, 32, 32],
};
const growth = 32;

/**
 * DenseNet (Huang et al. 2017). Tensor names are torchvision's: `features.conv0`,
 * `features.denseblock1.denselayer1.norm1`, …, `classifier`.
 */
export function densenet(depth: DensenetDepth, { size, classes }: ArchitectureOptions): Network {
  const build = networkBuilder({ architecture: `densenet${depth}`, inputShape: [size, size, 3], classes });
  const normRelu = (prefix: string, suffix: string, input: string): string =>
    build.relu(`${prefix}relu${suffix}`, build.batchNorm(`${prefix}norm${suffix}`, input));
  const stem = build.conv('features.conv0', 'input', {
    filters: 64,
    kernel: 7,
    stride: 2,
    padding: 3,
    bias: false,
  });
  let last = build.maxPool('features.pool0', normRelu('features.', '0', stem), {
    kernel: 3,
    stride: 2,
    padding: 1,
  });
  let channels = 64;
  for (const [index, count] of layers[depth].entries()) {
    const block = `features.denseblock${index + 1}`;
    for (let layer = 1; layer <= count; layer++) {
      const name = `${block}.denselayer${layer}`;
      const narrow = build.conv(`${name}.conv1`, normRelu(`${name}.`, '1', last), {
        filters: 4 * growth,
        kernel: 1,
        bias: false,
      });
      const added = build.conv(`${name}.conv2`, normRelu(`${name}.`, '2', narrow), {
        filters: growth,
        kernel: 3,
        padding: 1,
        bias: false,
      });
      last = build.concat(name, [last, added]);
    }
    channels += count * growth;
    if (index === 3) break;
    const transition = `features.transition${index + 1}.`;
    channels /= 2;
    const halved = build.conv(`${transition}conv`, normRelu(transition, '', last), {
      filters: channels,
      kernel: 1,
      bias: false,
    });
    last = build.averagePool(`${transition}pool`, halved, { kernel: 2 });
  }
  const features = normRelu('features.', '5', last);
  return build.build(
    build.dense('classifier', build.globalAveragePool('avgpool', features), { units: classes }),
  );
}
