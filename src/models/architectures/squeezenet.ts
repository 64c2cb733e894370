/** SqueezeNet 1.0 and 1.1: Iandola et al. 2016. */
import type { Network } from '../../values/model.ts';
import { networkBuilder } from '../builder.ts';
import type { ArchitectureOptions } from './options.ts';

export type SqueezenetVersion = '1_0' | '1_1';

/**
 * Layers by their index in torchvision's `features`. A fire module is given by its squeeze filters and half
 * of its expand filters.
 */
const plans: Readonly<Record<SqueezenetVersion, readonly ('pool' | readonly [number, number])[]>> = {
  '1_0': ['pool', [16, 64], [16, 64], [32, 128], 'pool', [32, 128], [48, 192], [48, 192], [64, 256], 'pool', [64, 256]], // prettier-ignore
  '1_1': ['pool', [16, 64], [16, 64], 'pool', [32, 128], [32, 128], 'pool', [48, 192], [48, 192], [64, 256], [64, 256]], // prettier-ignore
};

/**
 * SqueezeNet (Iandola et al. 2016). Tensor names are torchvision's: `features.0`, `features.3.squeeze`, …,
 * `classifier.1`. Max pools round their size up, as the Caffe original and torchvision do.
 */
export function squeezenet(version: SqueezenetVersion, { size, classes }: ArchitectureOptions): Network {
  const build = networkBuilder({
    architecture: `squeezenet${version}`,
    inputShape: [size, size, 3],
    classes,
  });
  const conv = (name: string, input: string, filters: number, kernel: number): string =>
    build.relu(`${name}.relu`, build.conv(name, input, { filters, kernel, padding: (kernel - 1) / 2 }));
  const stem = version === '1_0' ? { filters: 96, kernel: 7 } : { filters: 64, kernel: 3 };
  let last = build.relu('features.1', build.conv('features.0', 'input', { ...stem, stride: 2 }));
  for (const [index, layer] of plans[version].entries()) {
    const name = `features.${index + 2}`;
    if (layer === 'pool') {
      last = build.maxPool(name, last, { kernel: 3, stride: 2, ceil: true });
      continue;
    }
    const [squeeze, expand] = layer;
    const squeezed = conv(`${name}.squeeze`, last, squeeze, 1);
    last = build.concat(name, [
      conv(`${name}.expand1x1`, squeezed, expand, 1),
      conv(`${name}.expand3x3`, squeezed, expand, 3),
    ]);
  }
  const dropped = build.dropout('classifier.0', last, 0.5);
  const scores = conv('classifier.1', dropped, classes, 1);
  return build.build(build.globalAveragePool('classifier.3', scores));
}
