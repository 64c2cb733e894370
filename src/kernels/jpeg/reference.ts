/**
 * The definition of the JPEG round trip: what compression and decompression do to pixels. Huffman coding
 * loses nothing, so it is left out.
 *
 * The formats are those of ITU-T T.81 (baseline DCT) and T.871 (JFIF: colours). Both leave the precision
 * open; the integers here are those of libjpeg-turbo's `islow` transforms, jfdctint.c and jidctint.c (after
 * Loeffler, Ligtenberg and Moschytz 1989), and of its jccolor.c, jcsample.c, jcdctmgr.c, jdsample.c and
 * jdcolor.c, with the clamping of its SIMD code. So the result is that of sharp and of Pillow, byte for byte.
 */
import { checkJpeg, type JpegParameters, type JpegShape, quantaAt } from './problem.ts';

/**
 * Compresses and decompresses each image. Throws `RangeError` for anything but bytes of this shape with 1 or 3
 * channels.
 */
export function roundTripByDefinition(
  pixels: Uint8Array,
  shape: JpegShape,
  parameters: JpegParameters,
): Uint8Array {
  checkJpeg(pixels, shape, parameters);
  const [rows, height, width, channels] = shape;
  const size = height * width * channels;
  const result = new Uint8Array(pixels.length);
  for (let row = 0; row < rows; row++) {
    const image = pixels.subarray(row * size, (row + 1) * size);
    const changed =
      channels === 1
        ? quantise({ height, width, samples: Int32Array.from(image) }, 'luminance', parameters.quality)
            .samples
        : changeColours(image, height, width, parameters);
    result.set(changed, row * size);
  }
  return result;
}

/** Pixels in [0, 1] as bytes, halves upwards. */
export function bytesOf(pixels: Float32Array): Uint8Array {
  return Uint8Array.from(pixels, (value) => value * 255 + 0.5);
}

/** Samples of one component, row by row. */
interface Plane {
  readonly height: number;
  readonly width: number;
  readonly samples: Int32Array;
}

function changeColours(
  image: Uint8Array,
  height: number,
  width: number,
  { quality, chroma }: JpegParameters,
): Uint8Array {
  const [luma, blue, red] = split(image, height, width);
  const changedLuma = quantise(luma, 'luminance', quality);
  const change = (plane: Plane): Plane =>
    chroma === '4:4:4'
      ? quantise(plane, 'chrominance', quality)
      : restore(quantise(halve(plane), 'chrominance', quality), height, width);
  return merge(changedLuma, change(blue), change(red));
}

/** Y, Cb and Cr (T.871, section 7), with 16 bits after the point. Cb and Cr round ½ down. */
function split(
  image: Uint8Array,
  height: number,
  width: number,
): readonly [luma: Plane, blue: Plane, red: Plane] {
  const samplesBy = (r: number, g: number, b: number, offset: number): Plane => ({
    height,
    width,
    samples: Int32Array.from({ length: height * width }, (_, pixel) => {
      const [red, green, blue] = image.subarray(3 * pixel, 3 * pixel + 3) as unknown as Colour;
      return (r * red + g * green + b * blue + offset) >> 16;
    }),
  });
  return [
    samplesBy(19595, 38470, 7471, 32768),
    samplesBy(-11059, -21709, 32768, (128 << 16) + 32767),
    samplesBy(32768, -27439, -5329, (128 << 16) + 32767),
  ];
}

type Colour = readonly [red: number, green: number, blue: number];

function merge({ height, width, samples }: Plane, blue: Plane, red: Plane): Uint8Array {
  const image = new Uint8ClampedArray(3 * height * width);
  for (let pixel = 0; pixel < samples.length; pixel++) {
    const luma = samples[pixel]!;
    const u = blue.samples[pixel]! - 128;
    const v = red.samples[pixel]! - 128;
    image[3 * pixel] = luma + ((91881 * v + 32768) >> 16);
    image[3 * pixel + 1] = luma + ((-22554 * u - 46802 * v + 32768) >> 16);
    image[3 * pixel + 2] = luma + ((116130 * u + 32768) >> 16);
  }
  return new Uint8Array(image.buffer);
}

/** The plane with its last column and row repeated until both sides are multiples of `multiple`. */
function pad({ height, width, samples }: Plane, across: number, down: number): Plane {
  const padded = {
    height: Math.ceil(height / down) * down,
    width: Math.ceil(width / across) * across,
  };
  return {
    ...padded,
    samples: Int32Array.from({ length: padded.height * padded.width }, (_, index) => {
      const y = Math.min(height - 1, Math.floor(index / padded.width));
      return samples[y * width + Math.min(width - 1, index % padded.width)]!;
    }),
  };
}

/**
 * Means of 2 × 2 samples, rounded up and down in turn. The encoder repeats the last column until whole units
 * of 16 pixels are filled, and a last odd row once: the means beyond the image count in its last blocks.
 */
function halve(plane: Plane): Plane {
  const { height, width, samples } = pad(plane, 16, 2);
  const half = { height: height / 2, width: width / 2 };
  return {
    ...half,
    samples: Int32Array.from({ length: half.height * half.width }, (_, index) => {
      const x = index % half.width;
      const at = 2 * Math.floor(index / half.width) * width + 2 * x;
      const sum = samples[at]! + samples[at + 1]! + samples[at + width]! + samples[at + width + 1]!;
      return (sum + 1 + (x & 1)) >> 2;
    }),
  };
}

/**
 * `height` × `width` samples from means of 2 × 2, weighting the nearer and the farther mean of each direction
 * by ¾ and ¼ ("fancy upsampling" of libjpeg, jdsample.c). Images of up to four columns repeat the means.
 */
function restore({ width: stride, samples }: Plane, height: number, width: number): Plane {
  const last = { row: Math.ceil(height / 2) - 1, column: Math.ceil(width / 2) - 1 };
  return {
    height,
    width,
    samples: Int32Array.from({ length: height * width }, (_, index) => {
      const [y, x] = [Math.floor(index / width), index % width];
      const [row, column] = [y >> 1, x >> 1];
      if (last.column < 2) return samples[row * stride + column]!;
      const beyond = Math.min(last.row, Math.max(0, row + ((y & 1) === 0 ? -1 : 1)));
      const beside = Math.min(last.column, Math.max(0, column + ((x & 1) === 0 ? -1 : 1)));
      const sumAt = (at: number): number => 3 * samples[row * stride + at]! + samples[beyond * stride + at]!;
      return (3 * sumAt(column) + sumAt(beside) + ((x & 1) === 0 ? 8 : 7)) >> 4;
    }),
  };
}

/**
 * Transforms the blocks of 8 × 8 samples, rounds their coefficients to multiples of their quanta, and
 * transforms them back. The result is as large as `plane`.
 */
function quantise(plane: Plane, table: 'luminance' | 'chrominance', quality: number): Plane {
  const quanta = quantaAt(table, quality);
  const { height, width, samples } = pad(plane, 8, 8);
  const result = { ...plane, samples: new Int32Array(plane.samples.length) };
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      const places = Array.from({ length: 64 }, (_, k) => [top + (k >> 3), left + (k & 7)] as const);
      const block = quantiseBlock(
        places.map(([y, x]) => samples[y * width + x]! - 128),
        quanta,
      );
      for (const [k, [y, x]] of places.entries()) {
        if (y < plane.height && x < plane.width)
          result.samples[y * plane.width + x] = Math.min(255, Math.max(0, block[k]! + 128));
      }
    }
  }
  return result;
}

/** The forward transform scales by 8, and so do its quanta. */
export function quantiseBlock(block: readonly number[], quanta: readonly number[]): readonly number[] {
  const rows = product(block, transpose(frequencies), 11);
  const coefficients = product(frequencies, rows, 15);
  const rounded = coefficients.map((value, k) => roundTo(value, quanta[k]!));
  const columns = product(transpose(frequencies), rounded, 11);
  return product(columns, frequencies, 18);
}

/** The multiple of `quantum` nearest to an eighth of `coefficient`; halves go away from zero. */
export function roundTo(coefficient: number, quantum: number): number {
  const multiple = Math.floor((Math.abs(coefficient) + 4 * quantum) / (8 * quantum));
  return Math.sign(coefficient) * multiple * quantum;
}

/** A B / 2^bits of matrices of 8 × 8, halves rounded up. No sum reaches 2³¹. */
function product(a: readonly number[], b: readonly number[], bits: number): number[] {
  return Array.from({ length: 64 }, (_, index) => {
    let sum = 1 << (bits - 1);
    for (let k = 0; k < 8; k++) sum += a[(index & 56) + k]! * b[8 * k + (index & 7)]!;
    return sum >> bits;
  });
}

function transpose(matrix: readonly number[]): readonly number[] {
  return matrix.map((_, index) => matrix[8 * (index & 7) + (index >> 3)]!);
}

/**
 * The DCT-II of length 8 times 2¹³ √8, row by frequency: what the integer butterflies of jfdctint.c and
 * jidctint.c amount to. Its entries are within 1 of the rounded cosines, and equal cosines differ by up to 1,
 * because each constant of the butterflies was rounded by itself.
 */
// prettier-ignore
const frequencies: readonly number[] = [
   8192,   8192,   8192,   8192,   8192,   8192,   8192,   8192,
  11363,   9633,   6437,   2260,  -2260,  -6437,  -9633, -11363,
  10703,   4433,  -4433, -10703, -10703,  -4433,   4433,  10703,
   9633,  -2259, -11362,  -6436,   6436,  11362,   2259,  -9633,
   8192,  -8192,  -8192,   8192,   8192,  -8192,  -8192,   8192,
   6437, -11362,   2261,   9633,  -9633,  -2261,  11362,  -6437,
   4433, -10704,  10704,  -4433,  -4433,  10704, -10704,   4433,
   2260,  -6436,   9633, -11363,  11363,  -9633,   6436,  -2260,
];
