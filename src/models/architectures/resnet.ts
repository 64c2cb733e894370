/**
 * ResNets for ImageNet: He et al. 2016, with the stride on the 3 × 3 convolution of a bottleneck, as
 * torchvision has it.
 */
import type { Network } from '../../values/model.ts';
import { networkBuilder } from '../builder.ts';
import type { NetworkBuilder } from '../builder.ts';
import type { ArchitectureOptions } from './options.ts';

export type ResnetDepth = 18 | 34 | 50 | 101;

const blocks: Readonly<Record<ResnetDepth, readonly number[]>> = {
  18: [2, 2, 2, 2],
  34: [3, 4, 6, 3],
  50: [3, 4, 6, 3],
  101: [3, 4, 23, 3],
};

/**
 * ResNet for ImageNet (He et al. 2016). Tensor names are torchvision's: `conv1`, `layer1.0.conv1`,
 * `layer2.0.downsample.0`, …, `fc`.
 */
export function resnet(depth: ResnetDepth, { size, classes }: ArchitectureOptions): Network {
  const build = networkBuilder({ architecture: `resnet${depth}`, inputShape: [size, size, 3], classes });
  const bottleneck = depth >= 50;
  const stem = build.conv('conv1', 'input', { filters: 64, kernel: 7, stride: 2, padding: 3, bias: false });
  let last = build.maxPool('maxpool', build.relu('relu', build.batchNorm('bn1', stem)), {
    kernel: 3,
    stride: 2,
    padding: 1,
  });
  let channels = 64;
  for (const [stage, count] of blocks[depth].entries()) {
    const width = 64 * 2 ** stage;
    const filters = bottleneck ? 4 * width : width;
    for (let block = 0; block < count; block++) {
      const name = `layer${stage + 1}.${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const residual = bottleneck
        ? bottleneckResidual(build, name, last, width, stride)
        : basicResidual(build, name, last, width, stride);
      const kept =
        stride === 1 && channels === filters
          ? last
          : build.batchNorm(
              `${name}.downsample.1`,
              build.conv(`${name}.downsample.0`, last, { filters, kernel: 1, stride, bias: false }),
            );
      last = build.relu(`${name}.relu`, build.add(`${name}.add`, residual, kept));
      channels = filters;
    }
  }
  return build.build(build.dense('fc', build.globalAveragePool('avgpool', last), { units: classes }));
}

function basicResidual(
  build: NetworkBuilder,
  name: string,
  input: string,
  width: number,
  stride: number,
): string {
  const common = { filters: width, kernel: 3, padding: 1, bias: false };
  const first = build.relu(
    `${name}.relu1`,
    build.batchNorm(`${name}.bn1`, build.conv(`${name}.conv1`, input, { ...common, stride })),
  );
  return build.batchNorm(`${name}.bn2`, build.conv(`${name}.conv2`, first, common));
}

function bottleneckResidual(
  build: NetworkBuilder,
  name: string,
  input: string,
  width: number,
  stride: number,
): string {
  const first = build.relu(
    `${name}.relu1`,
    build.batchNorm(
      `${name}.bn1`,
      build.conv(`${name}.conv1`, input, { filters: width, kernel: 1, bias: false }),
    ),
  );
  const second = build.relu(
    `${name}.relu2`,
    build.batchNorm(
      `${name}.bn2`,
      build.conv(`${name}.conv2`, first, { filters: width, kernel: 3, stride, padding: 1, bias: false }),
    ),
  );
  return build.batchNorm(
    `${name}.bn3`,
    build.conv(`${name}.conv3`, second, { filters: 4 * width, kernel: 1, bias: false }),
  );
}
