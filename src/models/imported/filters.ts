/** Weights in our layout from those of other frameworks, which have their channels first. */
import type { WeightTensor } from '../../values/model.ts';

interface Stored {
  readonly shape: readonly number[];
  readonly floats: () => Float32Array;
}

/**
 * `[filters, depth, rows, columns]` → `[height, width, depth, filters]`, or `[height, width, channels, multiplier]`. Dilation
 * puts zeros between the taps. `depthwise` is the number of channels of a depthwise convolution.
 */
export function filterOf(
  weight: Stored,
  [height, width]: readonly [height: number, width: number],
  dilation: readonly [height: number, width: number],
  depthwise: number | null,
): WeightTensor {
  const [filters, depth, rows, columns] = weight.shape as [number, number, number, number];
  const from = weight.floats();
  const data = new Float32Array(height * width * depth * filters);
  let at = 0;
  for (let filter = 0; filter < filters; filter++)
    for (let channel = 0; channel < depth; channel++)
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
          const place = row * dilation[0] * width + column * dilation[1];
          data[(place * depth + channel) * filters + filter] = from[at++]!;
        }
  // The channels of a depthwise filter are the outer part of its filters.
  const last = depthwise === null ? [depth, filters] : [depthwise, filters / depthwise];
  return { shape: [height, width, ...last], data };
}

export function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
