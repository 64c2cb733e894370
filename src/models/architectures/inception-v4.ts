/** Inception-v4: Szegedy et al. 2017, figure 9. */
import type { Network } from '../../values/model.ts';
import { branch, inceptionBuilder } from './inception-block.ts';
import type { InceptionBuilder } from './inception-block.ts';
import type { ArchitectureOptions } from './options.ts';

type Block = (b: InceptionBuilder, name: string, input: string) => string;

/**
 * Inception-v4 (Szegedy et al. 2017). Tensor names are timm's `inception_v4`: `features.0.conv`,
 * `features.6.branch1.0.bn`, …, `last_linear`.
 */
export function inceptionV4(options: ArchitectureOptions): Network {
  const b = inceptionBuilder('inception-v4', options, false);
  let last = b.conv('features.0', 'input', 32, 3, { stride: 2 });
  last = b.conv('features.1', last, 32, 3);
  last = b.conv('features.2', last, 64, 3, { same: true });
  const blocks: readonly Block[] = [
    firstStem,
    secondStem,
    thirdStem,
    ...Array.from({ length: 4 }, () => blockA),
    reductionA,
    ...Array.from({ length: 7 }, () => blockB),
    reductionB,
    ...Array.from({ length: 3 }, () => blockC),
  ];
  for (const [index, block] of blocks.entries()) last = block(b, `features.${index + 3}`, last);
  const pooled = b.build.globalAveragePool('global_pool', last);
  return b.build.build(b.build.dense('last_linear', pooled, { units: options.classes }));
}

// The stem, figure 3.
const firstStem: Block = (b, name, input) =>
  b.build.concat(name, [
    b.reduce(`${name}.maxpool`, input),
    b.conv(`${name}.conv`, input, 96, 3, { stride: 2 }),
  ]);

const secondStem: Block = (b, name, input) =>
  b.build.concat(name, [
    branch(b, `${name}.branch0`, input, [[64, 1], [96, 3, 1]]), // prettier-ignore
    branch(b, `${name}.branch1`, input, [[64, 1], [64, [1, 7]], [64, [7, 1]], [96, 3, 1]]), // prettier-ignore
  ]);

const thirdStem: Block = (b, name, input) =>
  b.build.concat(name, [
    b.conv(`${name}.conv`, input, 192, 3, { stride: 2 }),
    b.reduce(`${name}.maxpool`, input),
  ]);

/** The branch of an average-pool and one 1 × 1 convolution. */
function pooledBranch(b: InceptionBuilder, name: string, input: string, filters: number): string {
  return b.conv(`${name}.branch3.1`, b.smooth(`${name}.branch3.0`, input), filters, 1);
}

const blockA: Block = (b, name, input) =>
  b.build.concat(name, [
    branch(b, `${name}.branch0`, input, [[96, 1]]),
    branch(b, `${name}.branch1`, input, [[64, 1], [96, 3]]), // prettier-ignore
    branch(b, `${name}.branch2`, input, [[64, 1], [96, 3], [96, 3]]), // prettier-ignore
    pooledBranch(b, name, input, 96),
  ]);

const reductionA: Block = (b, name, input) =>
  b.build.concat(name, [
    branch(b, `${name}.branch0`, input, [[384, 3, 2]]),
    branch(b, `${name}.branch1`, input, [[192, 1], [224, 3], [256, 3, 2]]), // prettier-ignore
    b.reduce(`${name}.branch2`, input),
  ]);

const blockB: Block = (b, name, input) =>
  b.build.concat(name, [
    branch(b, `${name}.branch0`, input, [[384, 1]]),
    branch(b, `${name}.branch1`, input, [[192, 1], [224, [1, 7]], [256, [7, 1]]]), // prettier-ignore
    branch(b, `${name}.branch2`, input, [[192, 1], [192, [7, 1]], [224, [1, 7]], [224, [7, 1]], [256, [1, 7]]]), // prettier-ignore
    pooledBranch(b, name, input, 128),
  ]);

const reductionB: Block = (b, name, input) =>
  b.build.concat(name, [
    branch(b, `${name}.branch0`, input, [[192, 1], [192, 3, 2]]), // prettier-ignore
    branch(b, `${name}.branch1`, input, [[256, 1], [256, [1, 7]], [320, [7, 1]], [320, 3, 2]]), // prettier-ignore
    b.reduce(`${name}.branch2`, input),
  ]);

const blockC: Block = (b, name, input) => {
  const fork = (part: string, from: string, first: string, second: string): string =>
    b.build.concat(`${name}.${part}`, [
      b.conv(`${name}.${first}`, from, 256, [1, 3], { same: true }),
      b.conv(`${name}.${second}`, from, 256, [3, 1], { same: true }),
    ]);
  const one = b.conv(`${name}.branch1_0`, input, 384, 1);
  let two = b.conv(`${name}.branch2_0`, input, 384, 1);
  two = b.conv(`${name}.branch2_1`, two, 448, [3, 1], { same: true });
  two = b.conv(`${name}.branch2_2`, two, 512, [1, 3], { same: true });
  return b.build.concat(name, [
    branch(b, `${name}.branch0`, input, [[256, 1]]),
    fork('branch1', one, 'branch1_1a', 'branch1_1b'),
    fork('branch2', two, 'branch2_3a', 'branch2_3b'),
    pooledBranch(b, name, input, 256),
  ]);
};
