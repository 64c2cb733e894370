import type { Defense, PixelShape } from './defense.ts';

export interface NonLocalMeansParameters {
  /** Side of the patches that are compared, odd, at least 3. */
  readonly patch: number;
  /** Pixels up to this many rows and columns away are averaged: a window of 2 · distance + 1. */
  readonly distance: number;
  /** Filtering strength: patches whose values differ by h in quadratic mean have weight 1/e. */
  readonly h: number;
}

/**
 * Non-local means (Buades, Coll and Morel 2005): each pixel becomes Σ w(i, j) u(j) / Σ w(i, j) over the
 * pixels j of its search window that lie inside the image. Here w = exp(−D / h²), and D is the mean over the
 * channels of the squared differences between the patches around i and j, weighted by a Gaussian with
 * standard deviation (patch − 1) / 4 and sum 1. All channels share the weights. Beyond the image, patches are
 * mirrored about the edge pixel. This is scikit-image's `denoise_nl_means(fast_mode=False)` without its
 * approximate exponential and without its cut-off of weights below e⁻⁵.
 */
export function denoiseByNonLocalMeans(
  pixels: Float32Array,
  [rows, height, width, channels]: PixelShape,
  params: NonLocalMeansParameters,
): Float32Array {
  const length = height * width * channels;
  const result = new Float32Array(pixels.length);
  for (let row = 0; row < rows; row++) {
    const image = pixels.subarray(row * length, (row + 1) * length);
    result.set(denoise(image, height, width, channels, params), row * length);
  }
  return result;
}

/**
 * Works shift by shift: one pass gives the distances of all pairs (i, i + shift), and each pair serves both
 * of its pixels, so half of the shifts are enough.
 */
function denoise(
  image: Float32Array,
  height: number,
  width: number,
  channels: number,
  { patch, distance, h }: NonLocalMeansParameters,
): Float32Array {
  const sums = Float64Array.from(image);
  const totals = new Float64Array(height * width).fill(1);
  const pad = (patch - 1) / 2;
  const padded = padImage(image, height, width, channels, pad);
  const line = width + 2 * pad;
  const kernel = gaussian(patch);
  const strength = -1 / (channels * h * h);
  const differences = new Float32Array((height + 2 * pad) * line);
  const blurred = new Float32Array((height + 2 * pad) * line);
  for (let down = 0; down <= Math.min(distance, height - 1); down++) {
    for (let across = down === 0 ? 1 : -distance; across <= distance; across++) {
      const first = Math.max(0, -across);
      const end = width - Math.max(0, across);
      if (first >= end) continue;
      const lines = height - down;
      const shift = down * line + across;
      squaredDifferences(differences, padded, channels, shift, lines + 2 * pad, first, end + 2 * pad, line);
      blurLines(blurred, differences, kernel, lines + 2 * pad, first, end, line);
      for (let y = 0; y < lines; y++) {
        for (let x = first; x < end; x++) {
          let difference = 0;
          for (let k = 0; k < patch; k++) difference += kernel[k]! * blurred[(y + k) * line + x]!;
          const exponent = strength * difference;
          if (exponent < negligible) continue;
          const weight = Math.exp(exponent);
          const here = y * width + x;
          const there = here + down * width + across;
          totals[here]! += weight;
          totals[there]! += weight;
          for (let c = 0; c < channels; c++) {
            sums[here * channels + c]! += weight * image[there * channels + c]!;
            sums[there * channels + c]! += weight * image[here * channels + c]!;
          }
        }
      }
    }
  }
  return Float32Array.from(sums, (sum, index) => sum / totals[Math.floor(index / channels)]!);
}

/** Weights below e⁻²⁰ change no bit of a float32 mean. */
const negligible = -20;

/**
 * Σ over channels of (u(p) − u(p + shift))² for each position p of the padded image that both patches of a
 * pair can reach.
 */
function squaredDifferences(
  target: Float32Array,
  padded: Float32Array,
  channels: number,
  shift: number,
  lines: number,
  first: number,
  end: number,
  line: number,
): void {
  for (let y = 0; y < lines; y++) {
    for (let place = y * line + first; place < y * line + end; place++) {
      let sum = 0;
      for (let c = 0; c < channels; c++) {
        const difference = padded[place * channels + c]! - padded[(place + shift) * channels + c]!;
        sum += difference * difference;
      }
      target[place] = sum;
    }
  }
}

/** Along each line: target(x) = Σ_k kernel(k) · source(x + k). */
function blurLines(
  target: Float32Array,
  source: Float32Array,
  kernel: Float64Array,
  lines: number,
  first: number,
  end: number,
  line: number,
): void {
  for (let y = 0; y < lines; y++) {
    for (let place = y * line + first; place < y * line + end; place++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * source[place + k]!;
      target[place] = sum;
    }
  }
}

/** One factor of the patch's weights, which separate into rows and columns; sums to 1. */
function gaussian(patch: number): Float64Array {
  const [radius, deviation] = [(patch - 1) / 2, (patch - 1) / 4];
  const weights = Float64Array.from({ length: patch }, (_, k) =>
    Math.exp(-((k - radius) ** 2) / (2 * deviation ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * The image extended by `pad` pixels on every side, mirrored about the edge pixels (d c b | a b c d | c b a).
 */
function padImage(
  image: Float32Array,
  height: number,
  width: number,
  channels: number,
  pad: number,
): Float32Array {
  const line = width + 2 * pad;
  const padded = new Float32Array((height + 2 * pad) * line * channels);
  for (let y = 0; y < height + 2 * pad; y++) {
    const row = mirror(y - pad, height) * width;
    for (let x = 0; x < line; x++) {
      const from = (row + mirror(x - pad, width)) * channels;
      padded.set(image.subarray(from, from + channels), (y * line + x) * channels);
    }
  }
  return padded;
}

function mirror(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * length - 2;
  const place = ((index % period) + period) % period;
  return place < length ? place : period - place;
}

export const nonLocalMeans: Defense<NonLocalMeansParameters> = { apply: denoiseByNonLocalMeans };
