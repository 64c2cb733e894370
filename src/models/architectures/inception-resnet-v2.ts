/** Inception-ResNet-v2: Szegedy et al. 2017, figure 15, in the form of its published weights. */
import type { Network } from '../../values/model.ts';
import { branch, inceptionBuilder } from './inception-block.ts';
import type { Branch, InceptionBuilder } from './inception-block.ts';
import type { ArchitectureOptions } from './options.ts';

/**
 * Inception-ResNet-v2 (Szegedy et al. 2017). Tensor names are timm's `inception_resnet_v2`: `conv2d_1a.conv`,
 * `repeat.0.branch1.0.bn`, …, `classif`.
 */
export function inceptionResnetV2(options: ArchitectureOptions): Network {
  const b = inceptionBuilder('inception-resnet-v2', options, false);
  let last = b.conv('conv2d_1a', 'input', 32, 3, { stride: 2 });
  last = b.conv('conv2d_2a', last, 32, 3);
  last = b.conv('conv2d_2b', last, 64, 3, { same: true });
  last = b.reduce('maxpool_3a', last);
  last = b.conv('conv2d_3b', last, 80, 1);
  last = b.conv('conv2d_4a', last, 192, 3);
  last = b.reduce('maxpool_5a', last);
  last = b.build.concat('mixed_5b', [
    branch(b, 'mixed_5b.branch0', last, [[96, 1]]),
    branch(b, 'mixed_5b.branch1', last, [[48, 1], [64, 5]]), // prettier-ignore
    branch(b, 'mixed_5b.branch2', last, [[64, 1], [96, 3], [96, 3]]), // prettier-ignore
    b.conv('mixed_5b.branch3.1', b.smooth('mixed_5b.branch3.0', last), 64, 1),
  ]);
  for (let index = 0; index < 10; index++) {
    last = residual(b, `repeat.${index}`, last, 320, 0.17, [[[32, 1]], [[32, 1], [32, 3]], [[32, 1], [48, 3], [64, 3]]]); // prettier-ignore
  }
  last = b.build.concat('mixed_6a', [
    branch(b, 'mixed_6a.branch0', last, [[384, 3, 2]]),
    branch(b, 'mixed_6a.branch1', last, [[256, 1], [256, 3], [384, 3, 2]]), // prettier-ignore
    b.reduce('mixed_6a.branch2', last),
  ]);
  for (let index = 0; index < 20; index++) {
    last = residual(b, `repeat_1.${index}`, last, 1088, 0.1, [[[192, 1]], [[128, 1], [160, [1, 7]], [192, [7, 1]]]]); // prettier-ignore
  }
  last = b.build.concat('mixed_7a', [
    branch(b, 'mixed_7a.branch0', last, [[256, 1], [384, 3, 2]]), // prettier-ignore
    branch(b, 'mixed_7a.branch1', last, [[256, 1], [288, 3, 2]]), // prettier-ignore
    branch(b, 'mixed_7a.branch2', last, [[256, 1], [288, 3], [320, 3, 2]]), // prettier-ignore
    b.reduce('mixed_7a.branch3', last),
  ]);
  const branches: readonly Branch[] = [[[192, 1]], [[192, 1], [224, [1, 3]], [256, [3, 1]]]]; // prettier-ignore
  for (let index = 0; index < 9; index++) {
    last = residual(b, `repeat_2.${index}`, last, 2080, 0.2, branches);
  }
  last = residual(b, 'block8', last, 2080, 1, branches, false);
  last = b.conv('conv2d_7b', last, 1536, 1);
  const pooled = b.build.globalAveragePool('global_pool', last);
  return b.build.build(b.build.dense('classif', pooled, { units: options.classes }));
}

/** `ReLU(x + scale · W [branches of x])`, where W is a 1 × 1 convolution with bias. */
function residual(
  b: InceptionBuilder,
  name: string,
  input: string,
  filters: number,
  scale: number,
  branches: readonly Branch[],
  rectified = true,
): string {
  const parts = branches.map((layers, index) => branch(b, `${name}.branch${index}`, input, layers));
  let update = b.build.conv(`${name}.conv2d`, b.build.concat(`${name}.concat`, parts), {
    filters,
    kernel: 1,
  });
  if (scale !== 1) update = b.build.scale(`${name}.scale`, update, scale);
  const sum = b.build.add(`${name}.add`, update, input);
  return rectified ? b.build.relu(`${name}.relu`, sum) : sum;
}
