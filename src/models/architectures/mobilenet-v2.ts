/** MobileNetV2 of width 1: Sandler et al. 2018. */
import type { Network } from '../../values/model.ts';
import { networkBuilder } from '../builder.ts';
import type { ArchitectureOptions } from './options.ts';

/** Expansion, filters, blocks, stride of the first block: table 2 of the paper. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/**
 * MobileNetV2 (Sandler et al. 2018). Tensor names are torchvision's: `features.0.0`, `features.2.conv.1.0`, …,
 * `classifier.1`.
 */
export function mobilenetV2({ size, classes }: ArchitectureOptions): Network {
  const build = networkBuilder({ architecture: 'mobilenet-v2', inputShape: [size, size, 3], classes });
  const normRelu = (prefix: string, conv: string): string =>
    build.relu6(`${prefix}.2`, build.batchNorm(`${prefix}.1`, conv));
  let last = normRelu(
    'features.0',
    build.conv('features.0.0', 'input', { filters: 32, kernel: 3, stride: 2, padding: 1, bias: false }),
  );
  let channels = 32;
  let index = 1;
  for (const [expansion, filters, blocks, firstStride] of stages) {
    for (let block = 0; block < blocks; block++, index++) {
      const name = `features.${index}`;
      const stride = block === 0 ? firstStride : 1;
      const hidden = channels * expansion;
      let inner = last;
      let part = 0;
      if (expansion !== 1) {
        const prefix = `${name}.conv.${part++}`;
        inner = normRelu(
          prefix,
          build.conv(`${prefix}.0`, inner, { filters: hidden, kernel: 1, bias: false }),
        );
      }
      const prefix = `${name}.conv.${part++}`;
      inner = normRelu(
        prefix,
        build.conv(`${prefix}.0`, inner, {
          filters: hidden,
          kernel: 3,
          stride,
          padding: 1,
          groups: hidden,
          bias: false,
        }),
      );
      inner = build.conv(`${name}.conv.${part++}`, inner, { filters, kernel: 1, bias: false });
      inner = build.batchNorm(`${name}.conv.${part}`, inner);
      last = stride === 1 && channels === filters ? build.add(name, last, inner) : inner;
      channels = filters;
    }
  }
  const head = build.conv(`features.${index}.0`, last, { filters: 1280, kernel: 1, bias: false });
  const pooled = build.globalAveragePool('avgpool', normRelu(`features.${index}`, head));
  const dropped = build.dropout('classifier.0', pooled, 0.2);
  return build.build(build.dense('classifier.1', dropped, { units: classes }));
}
