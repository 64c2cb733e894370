import type { ImageSides } from './input-diversity.ts';

/**
 * The Gaussian kernel of the translation-invariant attack (Dong et al. 2019, "Evading defenses to transferable adversarial
 * examples by translation-invariant attacks", section 3.3): `length` points from −3 to 3 standard deviations, with
 * sum 1. The kernel over an image is the product of this one with itself.
 */
export function gaussianKernel(length: number): Float64Array {
  const reach = 3;
  const kernel = Float64Array.from({ length }, (_, index) => {
    const x = length === 1 ? 0 : -reach + (2 * reach * index) / (length - 1);
    return Math.exp((-x * x) / 2);
  });
  const total = kernel.reduce((sum, value) => sum + value, 0);
  return kernel.map((value) => value / total);
}

/** Convolves each channel of an image with a kernel of odd length along both axes; the image is 0 beyond its border. */
export function convolve(
  image: Float32Array,
  [height, width, channels]: ImageSides,
  kernel: Float64Array,
): Float32Array {
  const across = along(image, width, channels, height, width * channels, kernel);
  return Float32Array.from(along(across, height, width * channels, 1, image.length, kernel));
}

/** Convolves `lines` blocks of `block` values along an axis of `length` places that are `stride` values apart. */
function along(
  values: ArrayLike<number>,
  length: number,
  stride: number,
  lines: number,
  block: number,
  kernel: Float64Array,
): Float64Array {
  const half = (kernel.length - 1) / 2;
  const result = new Float64Array(lines * block);
  for (let line = 0; line < lines; line++) {
    for (let place = 0; place < length; place++) {
      const first = Math.max(0, place - half);
      const last = Math.min(length - 1, place + half);
      for (let offset = 0; offset < stride; offset++) {
        let sum = 0;
        for (let other = first; other <= last; other++)
          sum += kernel[half + other - place]! * values[line * block + other * stride + offset]!;
        result[line * block + place * stride + offset] = sum;
      }
    }
  }
  return result;
}
