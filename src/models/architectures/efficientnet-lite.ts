/**
 * EfficientNet-Lite0: Tan and Le 2019 without squeeze-and-excitation and with ReLU6 (tensorflow/tpu,
 * efficientnet/lite).
 */
import type { Network } from '../../values/model.ts';
import { networkBuilder } from '../builder.ts';
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

/**
 * Tensor names and padding are those of timm's `efficientnet_lite0`: `conv_stem`, `blocks.1.0.conv_pw`, …,
 * `classifier`. (timm's `tf_efficientnet_lite0` pads unevenly, as TensorFlow does: its weights fit but lose
 * accuracy here.)
 */
export function efficientnetLite0({ size, classes }: ArchitectureOptions): Network {
  const build = networkBuilder({
    architecture: 'efficientnet-lite0',
    inputShape: [size, size, 3],
    classes,
  });
  const norm = (name: string, conv: string, activate: boolean): string => {
    const normal = build.batchNorm(name, conv);
    return activate ? build.relu6(`${name}.act`, normal) : normal;
  };
  let last = norm(
    'bn1',
    build.conv('conv_stem', 'input', { filters: 32, kernel: 3, stride: 2, padding: 1, bias: false }),
    true,
  );
  let channels = 32;
  for (const [stage, [expansion, kernel, filters, blocks, firstStride]] of stages.entries()) {
    for (let block = 0; block < blocks; block++) {
      const name = `blocks.${stage}.${block}`;
      const stride = block === 0 ? firstStride : 1;
      const hidden = channels * expansion;
      const pointwise = (part: string, input: string, width: number): string =>
        build.conv(`${name}.${part}`, input, { filters: width, kernel: 1, bias: false });
      const expanded = expansion === 1 ? last : norm(`${name}.bn1`, pointwise('conv_pw', last, hidden), true);
      const depthwise = build.conv(`${name}.conv_dw`, expanded, {
        filters: hidden,
        kernel,
        stride,
        padding: (kernel - 1) / 2,
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
  const dropped = build.dropout('dropout', build.globalAveragePool('global_pool', head), 0.2);
  return build.build(build.dense('classifier', dropped, { units: classes }));
}
