import { type JpegParameters, quantaAt } from '../kernels/jpeg/problem.ts';
import type { PixelShape } from './defense.ts';

/**
 * Gradient with respect to the pixels, from the gradient with respect to their JPEG version. It is the
 * transpose of everything linear (colours, DCT, chroma halved and restored as in libjpeg-turbo). The rounding
 * of coefficients is replaced by the cubic of Shin and Song (2017, "JPEG-resistant adversarial images") ⌊s⌉ +
 * (s − ⌊s⌉)³, where s is a coefficient in units of its quantum. The cubic is steep where a small step takes
 * the coefficient to another quantum, and flat where quantisation undoes the step. The rounding and clipping
 * of pixels count as the identity.
 *
 * `pixels` are the images before compression, `[rows, height, width, channels]` in [0, 1]; `gradient` and the
 * result have the same layout. If the height is not a multiple of 16, the rows that libjpeg adds below the
 * image are approximated.
 */
export function pullBackJpeg(
  gradient: Float32Array,
  [rows, height, width, channels]: PixelShape,
  { quality, chroma }: JpegParameters,
  pixels: Float32Array,
): Float32Array {
  const size = height * width * channels;
  const result = new Float32Array(gradient.length);
  for (const component of channels === 1 ? grey : colours) {
    const factor = component.isChroma && chroma === '4:2:0' ? 2 : 1;
    const grid = gridOf(height, width, channels, factor);
    const quanta = quantaAt(component.isChroma ? 'chrominance' : 'luminance', quality);
    for (let row = 0; row < rows; row++) {
      const slopes = takeSamples(pixels, row * size, grid, component);
      changeBlocks(slopes, grid, (block) => {
        multiply(block, cosines);
        for (let k = 0; k < 64; k++) block[k] = roundingSlope((255 * block[k]!) / quanta[k]!);
      });
      const plane = gatherRestored(gradient, row * size, grid, component);
      changeBlocks(plane, grid, (block, placeOf) => {
        // The transpose of the decoder's inverse DCT, of the rounding, and of the encoder's DCT.
        multiply(block, cosines);
        for (let k = 0; k < 64; k++) block[k]! *= slopes[placeOf(k)]!;
        multiply(block, cosinesTransposed);
      });
      spreadSamples(plane, result, row * size, grid, component);
    }
  }
  return result;
}

/**
 * Slope of Shin and Song's cubic plus a small constant: in flat regions all coefficients but one are exactly
 * 0, and a slope of 0 would leave the attack no gradient.
 */
function roundingSlope(scaled: number): number {
  return 3 * (scaled - Math.round(scaled)) ** 2 + 0.01;
}

/** A colour component as JPEG codes it: weights of the channels (ITU-T T.871, section 7). */
interface Component {
  readonly isChroma: boolean;
  /** Added after weighting: the level shift of T.81, section A.3.1, in units of [0, 1] pixels. */
  readonly shift: number;
  readonly encode: readonly number[];
  readonly decode: readonly number[];
}

const shift = -128 / 255;
const grey: readonly Component[] = [{ isChroma: false, shift, encode: [1], decode: [1] }];
const colours: readonly Component[] = [
  { isChroma: false, shift, encode: [0.299, 0.587, 0.114], decode: [1, 1, 1] },
  { isChroma: true, shift: 0, encode: [-0.168736, -0.331264, 0.5], decode: [0, -0.344136, 1.772] },
  { isChroma: true, shift: 0, encode: [0.5, -0.418688, -0.081312], decode: [1.402, -0.714136, 0] },
];

/** The samples of a component in whole blocks; each is the mean of `factor` × `factor` pixels. */
interface Grid {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly factor: number;
  readonly down: number;
  readonly across: number;
}

function gridOf(height: number, width: number, channels: number, factor: number): Grid {
  const padded = (length: number): number => 8 * Math.ceil(length / (8 * factor));
  return { height, width, channels, factor, down: padded(height), across: padded(width) };
}

/**
 * Visits each sample with each of its pixels, by the index of channel 0. The last pixels are repeated to fill
 * the blocks.
 */
function eachSample(
  { height, width, channels, factor, down, across }: Grid,
  visit: (sample: number, pixel: number) => void,
): void {
  for (let y = 0; y < down * factor; y++) {
    const line = Math.floor(y / factor) * across;
    const from = Math.min(y, height - 1) * width;
    for (let x = 0; x < across * factor; x++) {
      visit(line + Math.floor(x / factor), (from + Math.min(x, width - 1)) * channels);
    }
  }
}

function takeSamples(pixels: Float32Array, image: number, grid: Grid, component: Component): Float64Array {
  const samples = new Float64Array(grid.down * grid.across).fill(component.shift);
  const weights = component.encode.map((weight) => weight / grid.factor ** 2);
  eachSample(grid, (sample, pixel) => {
    for (let c = 0; c < weights.length; c++) samples[sample]! += weights[c]! * pixels[image + pixel + c]!;
  });
  return samples;
}

/** Transpose of `takeSamples`, added to `result`. */
function spreadSamples(
  samples: Float64Array,
  result: Float32Array,
  image: number,
  grid: Grid,
  component: Component,
): void {
  const weights = component.encode.map((weight) => weight / grid.factor ** 2);
  eachSample(grid, (sample, pixel) => {
    for (let c = 0; c < weights.length; c++) result[image + pixel + c]! += weights[c]! * samples[sample]!;
  });
}

/**
 * Transpose of the decoder after its DCT. The decoder restores halved chroma with weights of ¾ and ¼ for the
 * nearer and the farther sample in each direction (libjpeg's "fancy upsampling", jdsample.c).
 */
function gatherRestored(
  gradient: Float32Array,
  image: number,
  { height, width, channels, factor, down, across }: Grid,
  { decode }: Component,
): Float64Array {
  const samples = new Float64Array(down * across);
  const rowTaps = restoringTaps(height, factor);
  const columnTaps = restoringTaps(width, factor);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = image + (y * width + x) * channels;
      let value = 0;
      for (let c = 0; c < decode.length; c++) value += decode[c]! * gradient[pixel + c]!;
      for (const [row, below] of rowTaps[y]!) {
        for (const [column, beside] of columnTaps[x]!)
          samples[row * across + column]! += below * beside * value;
      }
    }
  }
  return samples;
}

type Tap = readonly [sample: number, weight: number];

/** The samples from which each of `length` pixels of a row is restored. */
function restoringTaps(length: number, factor: number): readonly (readonly Tap[])[] {
  return Array.from({ length }, (_, place) => {
    if (factor === 1) return [[place, 1]];
    const near = place >> 1;
    const far = near + (place % 2 === 0 ? -1 : 1);
    const last = (length - 1) >> 1;
    return [
      [near, 0.75],
      [Math.min(last, Math.max(0, far)), 0.25],
    ];
  });
}

/** Changes each block of 8 × 8 samples in place; `placeOf(k)` is the index of its sample k in the plane. */
function changeBlocks(
  plane: Float64Array,
  { down, across }: Grid,
  change: (block: Float64Array, placeOf: (k: number) => number) => void,
): void {
  const block = new Float64Array(64);
  for (let top = 0; top < down; top += 8) {
    for (let left = 0; left < across; left += 8) {
      const placeOf = (k: number): number => (top + (k >> 3)) * across + left + (k & 7);
      for (let k = 0; k < 64; k++) block[k] = plane[placeOf(k)]!;
      change(block, placeOf);
      for (let k = 0; k < 64; k++) plane[placeOf(k)] = block[k]!;
    }
  }
}

/**
 * The orthonormal DCT-II of length 8: entry 8 u + x is the weight of sample x in frequency u (T.81, section
 * A.3.3).
 */
const cosines = Float64Array.from({ length: 64 }, (_, index) => {
  const [frequency, place] = [index >> 3, index & 7];
  const norm = frequency === 0 ? Math.SQRT1_2 : 1;
  return (norm / 2) * Math.cos(((2 * place + 1) * frequency * Math.PI) / 16);
});
const cosinesTransposed = cosines.map((_, index) => cosines[8 * (index & 7) + (index >> 3)]!);
const halfway = new Float64Array(64);

/** M B Mᵀ in place, for a block B and a matrix M of 8 × 8. */
function multiply(block: Float64Array, matrix: Float64Array): void {
  product(matrix, block, halfway);
  product(matrix, halfway, block);
}

/** to = (M B)ᵀ. */
function product(matrix: Float64Array, block: Float64Array, to: Float64Array): void {
  for (let row = 0; row < 8; row++) {
    for (let column = 0; column < 8; column++) {
      let sum = 0;
      for (let k = 0; k < 8; k++) sum += matrix[8 * row + k]! * block[8 * k + column]!;
      to[8 * column + row] = sum;
    }
  }
}
