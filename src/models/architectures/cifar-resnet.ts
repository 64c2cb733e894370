/** ResNets for CIFAR: He et al. 2016, section 4.2, with option-A shortcuts, which have no weights. */
import type { Network } from '../../values/model.ts';
import { networkBuilder } from '../builder.ts';
import type { ArchitectureOptions } from './options.ts';

/**
 * ResNet for CIFAR (He et al. 2016, section 4.2). `depth` is 6n + 2: three stages of n blocks with 16, 32 and 64
 * filters. Tensor names are those of akamaster/pytorch_resnet_cifar10: `conv1`, `layer1.0.bn2`, …, `linear`.
 */
export function cifarResnet(depth: 20 | 32 | 56, { size, classes }: ArchitectureOptions): Network {
  const build = networkBuilder({
    architecture: `cifar-resnet${depth}`,
    inputShape: [size, size, 3],
    classes,
  });
  const conv = (name: string, input: string, filters: number, stride: number): string =>
    build.conv(name, input, { filters, kernel: 3, stride, padding: 1, bias: false });
  let last = build.relu('relu', build.batchNorm('bn1', conv('conv1', 'input', 16, 1)));
  let channels = 16;
  for (const [stage, filters] of [16, 32, 64].entries()) {
    for (let block = 0; block < (depth - 2) / 6; block++) {
      const name = `layer${stage + 1}.${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const first = build.relu(
        `${name}.relu1`,
        build.batchNorm(`${name}.bn1`, conv(`${name}.conv1`, last, filters, stride)),
      );
      const second = build.batchNorm(`${name}.bn2`, conv(`${name}.conv2`, first, filters, 1));
      const added = (filters - channels) / 2;
      const kept =
        stride === 1
          ? last
          : build.shortcut(`${name}.shortcut`, last, { stride, before: added, after: added });
      last = build.relu(`${name}.relu2`, build.add(`${name}.add`, second, kept));
      channels = filters;
    }
  }
  return build.build(build.dense('linear', build.globalAveragePool('avgpool', last), { units: classes }));
}
