import { reduceInSteps } from '../kernels/bit-depth/wasm.ts';
import type { Defense } from './defense.ts';

export interface BitDepthParameters {
  readonly bits: number;
  /**
   * `paper`: 2^bits levels, round(x·(2^bits − 1)). `fb`: the 2^bits + 1 levels round(x·2^bits) of the
   * authors' code.
   */
  readonly compat: 'paper' | 'fb';
}

/**
 * Bit-depth reduction (Xu, Evans and Qi 2017, "Feature squeezing", section II; Guo et al. 2018, section 4.1):
 * each value of [0, 1] is rounded to the nearest level, halves upwards. Idempotent; 0 and 1 are levels.
 * Returns a new array.
 */
export function reduceBitDepth(pixels: Float32Array, { bits, compat }: BitDepthParameters): Float32Array {
  const steps = compat === 'paper' ? 2 ** bits - 1 : 2 ** bits;
  return reduceInSteps(pixels, steps);
}

export const bitDepth: Defense<BitDepthParameters> = {
  apply: (pixels, _shape, params) => reduceBitDepth(pixels, params),
};
