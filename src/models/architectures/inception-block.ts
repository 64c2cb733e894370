/** The blocks of which the Inception networks consist. */
import { networkBuilder } from '../builder.ts';
import type { Extent, NetworkBuilder } from '../builder.ts';
import type { ArchitectureOptions } from './options.ts';

export interface InceptionBuilder {
  readonly build: NetworkBuilder;
  /**
   * Convolution without bias, batch norm with ε 0.001 and ReLU: `NAME.conv`, `NAME.bn`. No padding unless
   * `same`.
   */
  readonly conv: (
    name: string,
    input: string,
    filters: number,
    kernel: Extent,
    options?: { readonly stride?: number; readonly same?: boolean },
  ) => string;
  /** 3 × 3 max-pool with stride 2 and no padding. */
  readonly reduce: (name: string, input: string) => string;
  /** 3 × 3 average-pool with stride 1 that keeps the size. */
  readonly smooth: (name: string, input: string) => string;
}

/** `countPadding`: torchvision's Inception-v3 counts padding in its means, timm's networks do not. */
export function inceptionBuilder(
  architecture: string,
  { size, classes }: ArchitectureOptions,
  countPadding: boolean,
): InceptionBuilder {
  const build = networkBuilder({ architecture, inputShape: [size, size, 3], classes });
  return {
    build,
    conv: (name, input, filters, kernel, { stride = 1, same = false } = {}) => {
      const [height, width] = typeof kernel === 'number' ? [kernel, kernel] : kernel;
      const padding = same ? ([(height - 1) / 2, (width - 1) / 2] as const) : 0;
      const conv = build.conv(`${name}.conv`, input, { filters, kernel, stride, padding, bias: false });
      return build.relu(`${name}.relu`, build.batchNorm(`${name}.bn`, conv, { epsilon: 1e-3 }));
    },
    reduce: (name, input) => build.maxPool(name, input, { kernel: 3, stride: 2 }),
    smooth: (name, input) =>
      build.averagePool(name, input, { kernel: 3, stride: 1, padding: 1, countPadding }),
  };
}

/**
 * Filters and kernel of each convolution of a branch, which keeps the size. A third entry is the stride; such
 * a convolution is not padded.
 */
export type Branch = readonly (readonly [filters: number, kernel: Extent, stride?: number])[];

/** A chain of convolutions named `NAME.0, NAME.1, …`, or `NAME` alone if there is one (timm's names). */
export function branch({ conv }: InceptionBuilder, name: string, input: string, layers: Branch): string {
  let last = input;
  for (const [index, [filters, kernel, stride]] of layers.entries()) {
    last = conv(
      layers.length === 1 ? name : `${name}.${index}`,
      last,
      filters,
      kernel,
      stride === undefined ? { same: true } : { stride },
    );
  }
  return last;
}
