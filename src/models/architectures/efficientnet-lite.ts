/**
 * EfficientNet-Lite: Tan and Le 2019 without squeeze-and-excitation and with ReLU6 (tensorflow/tpu, efficientnet/lite). The stem
 * and the head, and the number of blocks of the first and the last stage, are not scaled.
 */
import type { Network } from '../../values/model.ts';
import { networkBuilder, type Padding } from '../builder.ts';
import type { ArchitectureOptions } from './options.ts';

/** Expansion, kernel, filters, blocks, stride of the first block. */
const stages = [
  [1, 3, 16, 1, 1],
  [6, 3, 24, 2, 2],
  [6, 5, 40, 2, 2],
  [6, 3, 80, 3, 2],
  [6, 5, 112, 3, 1],
  [6, 5, 192, 4, 2],
  [6, 3, 320, 1, 1],
] as const;

/** Factors of the filters and of the number of blocks, and the share of the features that training drops. */
const scales = {
  0: { width: 1, depth: 1, dropout: 0.2 },
  1: { width: 1, depth: 1.1, dropout: 0.2 },
  2: { width: 1.1, depth: 1.2, dropout: 0.3 },
} as const;

export type LiteScale = keyof typeof scales;

/**
 * Tensor names are those of timm's `efficientnet_lite0`: `conv_stem`, `blocks.1.0.conv_pw`, …, `classifier`. With `symmetric`
 * padding it is that network; with `tensorflow` it is the original, timm's `tf_efficientnet_lite0`: windows with a step of 2 have
 * less padding above and left than below and right, and batch norms have ε = 0.001. The weights of one lose accuracy in the other.
 */
export function efficientnetLite(
  scale: LiteScale,
  { size, classes, padding = defaultPadding(scale) }: ArchitectureOptions,
): Network {
  const { width, dropout } = scales[scale];
  const build = networkBuilder({
    architecture: `efficientnet-lite${scale}`,
    inputShape: [size, size, 3],
    classes,
  });
  const norms = padding === 'tensorflow' ? { epsilon: 1e-3, momentum: 0.01 } : {};
  const norm = (name: string, conv: string, activate: boolean): string => {
    const normal = build.batchNorm(name, conv, norms);
    return activate ? build.relu6(`${name}.act`, normal) : normal;
  };
  let side = size;
  /** The padding of a window on images of the side so far; the side is then that of its output. */
  const padded = (kernel: number, stride: number): Padding => {
    const total = Math.max((Math.ceil(side / stride) - 1) * stride + kernel - side, 0);
    side = Math.ceil(side / stride);
    const before = Math.floor(total / 2);
    return padding === 'symmetric' ? (kernel - 1) / 2 : [before, total - before, before, total - before];
  };
  let last = norm(
    'bn1',
    build.conv('conv_stem', 'input', { filters: 32, kernel: 3, stride: 2, padding: padded(3, 2), bias: false }), // prettier-ignore
    true,
  );
  let channels = 32;
  const repeats = blocksOfStages(scale);
  for (const [stage, [expansion, kernel, unscaled, , firstStride]] of stages.entries()) {
    const filters = scaledFilters(unscaled, width);
    for (let block = 0; block < repeats[stage]!; block++) {
      const name = `blocks.${stage}.${block}`;
      const stride = block === 0 ? firstStride : 1;
      const hidden = channels * expansion;
      const pointwise = (part: string, input: string, outputs: number): string =>
        build.conv(`${name}.${part}`, input, { filters: outputs, kernel: 1, bias: false });
      const expanded = expansion === 1 ? last : norm(`${name}.bn1`, pointwise('conv_pw', last, hidden), true);
      const depthwise = build.conv(`${name}.conv_dw`, expanded, {
        filters: hidden,
        kernel,
        stride,
        padding: padded(kernel, stride),
        groups: hidden,
        bias: false,
      });
      // A block without expansion has one batch norm less, and timm numbers them.
      const [first, second] = expansion === 1 ? ['bn1', 'bn2'] : ['bn2', 'bn3'];
      const filtered = norm(`${name}.${first}`, depthwise, true);
      const projected = norm(
        `${name}.${second}`,
        pointwise(expansion === 1 ? 'conv_pw' : 'conv_pwl', filtered, filters),
        false,
      );
      last = stride === 1 && channels === filters ? build.add(name, projected, last) : projected;
      channels = filters;
    }
  }
  const head = norm('bn2', build.conv('conv_head', last, { filters: 1280, kernel: 1, bias: false }), true);
  const dropped = build.dropout('dropout', build.globalAveragePool('global_pool', head), dropout);
  return build.build(build.dense('classifier', dropped, { units: classes }));
}

/** That of timm's trained `efficientnet_lite0`, and of the published weights of the others. */
function defaultPadding(scale: LiteScale): 'symmetric' | 'tensorflow' {
  return scale === 0 ? 'symmetric' : 'tensorflow';
}

function blocksOfStages(scale: LiteScale): readonly number[] {
  const { depth } = scales[scale];
  return stages.map(([, , , blocks], stage) =>
    stage === 0 || stage === stages.length - 1 ? blocks : Math.ceil(depth * blocks),
  );
}

/** The nearest multiple of 8 that is not more than 10 % below (`round_filters` of the original). */
function scaledFilters(filters: number, width: number): number {
  const wanted = filters * width;
  const rounded = Math.max(8, Math.floor((wanted + 4) / 8) * 8);
  return rounded < 0.9 * wanted ? rounded + 8 : rounded;
}

/** Whether names are those of lukemelas' EfficientNet-PyTorch, whose weights are for TensorFlow's padding. */
export function isOriginalName(name: string): boolean {
  return name.startsWith('_conv_stem.');
}

const outer: Readonly<Record<string, string>> = {
  _conv_stem: 'conv_stem',
  _bn0: 'bn1',
  _conv_head: 'conv_head',
  _bn1: 'bn2',
  _fc: 'classifier',
};
const inner: Readonly<Record<string, string>> = {
  _expand_conv: 'conv_pw',
  _bn0: 'bn1',
  _depthwise_conv: 'conv_dw',
  _bn1: 'bn2',
  _project_conv: 'conv_pwl',
  _bn2: 'bn3',
};
/** The first block has no expansion. */
const innerOfFirst: Readonly<Record<string, string>> = {
  _depthwise_conv: 'conv_dw',
  _bn1: 'bn1',
  _project_conv: 'conv_pw',
  _bn2: 'bn2',
};

/** Maps the names of lukemelas' EfficientNet-PyTorch, which numbers all blocks in one row, to those of timm. */
export function liteName(scale: LiteScale): (name: string) => string {
  const places = blocksOfStages(scale).flatMap((count, stage) =>
    Array.from({ length: count }, (_, block) => `blocks.${stage}.${block}`),
  );
  return (name) => {
    const [, block, layer, part] = /^(?:_blocks\.(\d{1,4})\.)?(_\w+)\.(\w+)$/.exec(name) ?? [];
    if (layer === undefined) return name;
    if (block === undefined) return outer[layer] === undefined ? name : `${outer[layer]}.${part!}`;
    const [place, own] = [places[Number(block)], (block === '0' ? innerOfFirst : inner)[layer]];
    return place === undefined || own === undefined ? name : `${place}.${own}.${part!}`;
  };
}
