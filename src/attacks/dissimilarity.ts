import type { Perturbation } from '../values/images.ts';
import type { Preprocessing } from '../values/model.ts';
import { type ImageBatch, imageSize } from './images.ts';

type Pixels = Pick<ImageBatch, 'pixels' | 'shape'>;

/** Pixel space: [0, 1] images as they are, as in the paper's dissimilarity. */
export const pixelSpace: Preprocessing = { mean: [0], std: [1] };

/**
 * ‖x‖₂ of each image in a space (`(x − mean) / std` per channel), `[n]`, summed in float64 in pixel order.
 * These are the denominators of the dissimilarity. The norm is 0 for an image that equals the mean everywhere
 * (black, in pixel space); its dissimilarity is undefined.
 */
export function referenceNorms({ pixels, shape }: Pixels, space: Preprocessing): Float64Array {
  return rowNorms(pixels, null, shape, space);
}

/** ‖x′ − x‖₂ of each image in a space, `[n]`; the mean of the space cancels. */
export function perturbationNorms(
  { pixels, shape }: Pixels,
  perturbed: Float32Array,
  { std }: Preprocessing,
): Float64Array {
  return rowNorms(perturbed, pixels, shape, { mean: [0], std });
}

/** ‖d‖₂ of the displacement d of each image in a space, `[n]`. */
export function displacementNorms(
  displacement: Float32Array | Int8Array,
  shape: ImageBatch['shape'],
  { std }: Preprocessing,
): Float64Array {
  return rowNorms(displacement, null, shape, { mean: [0], std });
}

/** √Σ ((v − s − mean) / std)² of each row of values v, with s = 0 if there is no subtrahend. */
function rowNorms(
  values: Float32Array | Int8Array,
  subtrahend: Float32Array | null,
  shape: ImageBatch['shape'],
  space: Preprocessing,
): Float64Array {
  const [rows, , , channels] = shape;
  const mean = perChannel(space.mean, channels);
  const std = perChannel(space.std, channels);
  const size = imageSize(shape);
  const norms = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let at = row * size, channel = 0; at < (row + 1) * size; at++) {
      const difference = subtrahend === null ? values[at]! : values[at]! - subtrahend[at]!;
      const value = (difference - mean[channel]!) / std[channel]!;
      sum += value * value;
      if (++channel === channels) channel = 0;
    }
    norms[row] = Math.sqrt(sum);
  }
  return norms;
}

/** Expands the values of a space to one per channel; a single value holds for all channels. */
function perChannel(values: readonly number[], channels: number): Float64Array {
  return Float64Array.from({ length: channels }, (_, channel) => values[values.length === 1 ? 0 : channel]!);
}

/**
 * ‖x′ − x‖₂ / ‖x‖₂ of each image (Guo et al. 2018, equation 1): 0 if nothing moved, ∞ if an image of norm 0
 * moved.
 */
export function ratios(norms: Float64Array, references: Float64Array): Float64Array {
  return norms.map((norm, row) => (norm === 0 ? 0 : norm / references[row]!));
}

/**
 * Mean over the images, summed in float64 in their order, so that it does not depend on where the images were
 * computed.
 */
export function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Measures the perturbation in pixel space, in the form that travels with the images; every array is `[n]`.
 */
export function measurePerturbation(
  images: Pixels,
  perturbed: Float32Array,
): Required<Pick<Perturbation, 'l2' | 'linf' | 'l1' | 'l0' | 'dissimilarity'>> {
  const norms = perturbationNorms(images, perturbed, pixelSpace);
  const size = imageSize(images.shape);
  const linf = new Float32Array(norms.length);
  const l1 = new Float32Array(norms.length);
  const l0 = new Float32Array(norms.length);
  for (let row = 0; row < norms.length; row++) {
    let largest = 0;
    let sum = 0;
    let moved = 0;
    for (let at = row * size; at < (row + 1) * size; at++) {
      const difference = Math.abs(perturbed[at]! - images.pixels[at]!);
      largest = Math.max(largest, difference);
      sum += difference;
      if (difference !== 0) moved++;
    }
    linf[row] = largest;
    l1[row] = sum;
    l0[row] = moved;
  }
  const dissimilarity = ratios(norms, referenceNorms(images, pixelSpace));
  return {
    l2: Float32Array.from(norms),
    linf,
    l1,
    l0,
    dissimilarity: Float32Array.from(dissimilarity),
  };
}
