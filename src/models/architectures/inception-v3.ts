/** Inception-v3: Szegedy et al. 2016, without the auxiliary classifier. */
import type { Extent } from '../builder.ts';
import type { Network } from '../../values/model.ts';
import { inceptionBuilder } from './inception-block.ts';
import type { InceptionBuilder } from './inception-block.ts';
import type { ArchitectureOptions } from './options.ts';

/** One block of the network; convolutions are named as in torchvision. */
type Block = (b: InceptionBuilder, name: string, input: string) => string;
const row: Extent = [1, 7];
const column: Extent = [7, 1];

/**
 * Inception-v3 (Szegedy et al. 2016). Tensor names are torchvision's: `Conv2d_1a_3x3.conv`,
 * `Mixed_5b.branch1x1.bn`, …, `fc`.
 */
export function inceptionV3(options: ArchitectureOptions): Network {
  const b = inceptionBuilder('inception-v3', options, true);
  let last = b.conv('Conv2d_1a_3x3', 'input', 32, 3, { stride: 2 });
  last = b.conv('Conv2d_2a_3x3', last, 32, 3);
  last = b.conv('Conv2d_2b_3x3', last, 64, 3, { same: true });
  last = b.reduce('maxpool1', last);
  last = b.conv('Conv2d_3b_1x1', last, 80, 1);
  last = b.conv('Conv2d_4a_3x3', last, 192, 3);
  last = b.reduce('maxpool2', last);
  const blocks: readonly (readonly [string, Block])[] = [
    ['Mixed_5b', squareBlock(32)],
    ['Mixed_5c', squareBlock(64)],
    ['Mixed_5d', squareBlock(64)],
    ['Mixed_6a', firstReduction],
    ['Mixed_6b', factorisedBlock(128)],
    ['Mixed_6c', factorisedBlock(160)],
    ['Mixed_6d', factorisedBlock(160)],
    ['Mixed_6e', factorisedBlock(192)],
    ['Mixed_7a', secondReduction],
    ['Mixed_7b', expandedBlock],
    ['Mixed_7c', expandedBlock],
  ];
  for (const [name, block] of blocks) last = block(b, name, last);
  const dropped = b.build.dropout('dropout', b.build.globalAveragePool('avgpool', last), 0.5);
  return b.build.build(b.build.dense('fc', dropped, { units: options.classes }));
}

/** A chain of convolutions `NAME_1, NAME_2, …`, which keep the size unless they have a stride. */
function chain(
  { conv }: InceptionBuilder,
  name: string,
  input: string,
  layers: readonly (readonly [filters: number, kernel: Extent, stride?: number])[],
): string {
  let last = input;
  for (const [index, [filters, kernel, stride]] of layers.entries()) {
    last = conv(
      `${name}_${index + 1}`,
      last,
      filters,
      kernel,
      stride === undefined ? { same: true } : { stride },
    );
  }
  return last;
}

/** Figure 5 of the paper. */
function squareBlock(pooled: number): Block {
  return (b, name, input) =>
    b.build.concat(name, [
      b.conv(`${name}.branch1x1`, input, 64, 1),
      chain(b, `${name}.branch5x5`, input, [[48, 1], [64, 5]]), // prettier-ignore
      chain(b, `${name}.branch3x3dbl`, input, [[64, 1], [96, 3], [96, 3]]), // prettier-ignore
      b.conv(`${name}.branch_pool`, b.smooth(`${name}.avgpool`, input), pooled, 1),
    ]);
}

function firstReduction(b: InceptionBuilder, name: string, input: string): string {
  return b.build.concat(name, [
    b.conv(`${name}.branch3x3`, input, 384, 3, { stride: 2 }),
    chain(b, `${name}.branch3x3dbl`, input, [[64, 1], [96, 3], [96, 3, 2]]), // prettier-ignore
    b.reduce(`${name}.maxpool`, input),
  ]);
}

/** Figure 6. */
function factorisedBlock(width: number): Block {
  return (b, name, input) =>
    b.build.concat(name, [
      b.conv(`${name}.branch1x1`, input, 192, 1),
      chain(b, `${name}.branch7x7`, input, [[width, 1], [width, row], [192, column]]), // prettier-ignore
      chain(b, `${name}.branch7x7dbl`, input, [[width, 1], [width, column], [width, row], [width, column], [192, row]]), // prettier-ignore
      b.conv(`${name}.branch_pool`, b.smooth(`${name}.avgpool`, input), 192, 1),
    ]);
}

function secondReduction(b: InceptionBuilder, name: string, input: string): string {
  return b.build.concat(name, [
    chain(b, `${name}.branch3x3`, input, [[192, 1], [320, 3, 2]]), // prettier-ignore
    chain(b, `${name}.branch7x7x3`, input, [[192, 1], [192, row], [192, column], [192, 3, 2]]), // prettier-ignore
    b.reduce(`${name}.maxpool`, input),
  ]);
}

/** Figure 7. */
function expandedBlock(b: InceptionBuilder, name: string, input: string): string {
  const fork = (part: string, from: string, first: string, second: string): string =>
    b.build.concat(`${name}.${part}`, [
      b.conv(`${name}.${first}`, from, 384, [1, 3], { same: true }),
      b.conv(`${name}.${second}`, from, 384, [3, 1], { same: true }),
    ]);
  const narrow = b.conv(`${name}.branch3x3_1`, input, 384, 1);
  const double = chain(b, `${name}.branch3x3dbl`, input, [[448, 1], [384, 3]]); // prettier-ignore
  return b.build.concat(name, [
    b.conv(`${name}.branch1x1`, input, 320, 1),
    fork('branch3x3', narrow, 'branch3x3_2a', 'branch3x3_2b'),
    fork('branch3x3dbl', double, 'branch3x3dbl_3a', 'branch3x3dbl_3b'),
    b.conv(`${name}.branch_pool`, b.smooth(`${name}.avgpool`, input), 192, 1),
  ]);
}
