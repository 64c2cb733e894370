/** Parameters and quantisation tables of the JPEG round trip, which its forms share. */

export interface JpegParameters {
  /** An integer from 1 to 100. */
  readonly quality: number;
  readonly chroma: '4:2:0' | '4:4:4';
}

/** Pixels `[rows, height, width, channels]`, with 1 channel (grey) or 3 (red, green and blue). */
export type JpegShape = readonly [rows: number, height: number, width: number, channels: number];

/** Throws `RangeError` unless `pixels` holds images of this shape that JPEG can hold at this quality. */
export function checkJpeg(
  pixels: Uint8Array | Float32Array,
  [rows, height, width, channels]: JpegShape,
  { quality }: JpegParameters,
): void {
  if (channels !== 1 && channels !== 3) throw new RangeError(`JPEG holds 1 or 3 channels, not ${channels}`);
  if (!Number.isInteger(quality) || quality < 1 || quality > 100)
    throw new RangeError(`the quality of a JPEG must be an integer from 1 to 100, got ${quality}`);
  if (height < 1 || width < 1 || height > mostPixels || width > mostPixels)
    throw new RangeError(`JPEG holds images of 1 to ${mostPixels} pixels a side, not ${height}×${width}`);
  const expected = rows * height * width * channels;
  if (pixels.length !== expected)
    throw new RangeError(`expected ${expected} values of pixels, got ${pixels.length}`);
}

/** The longest side that libjpeg encodes (JPEG_MAX_DIMENSION of jmorecfg.h). */
const mostPixels = 65_500;

/**
 * The tables of T.81, annex K.1, at a quality between 1 and 100, by the rule of libjpeg (jcparam.c): row by
 * row, 8 × 8.
 */
export function quantaAt(table: 'luminance' | 'chrominance', quality: number): readonly number[] {
  const scale = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return tables[table].map((entry) => Math.min(255, Math.max(1, Math.floor((entry * scale + 50) / 100))));
}

// prettier-ignore
const tables = {
  luminance: [
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
  ],
  chrominance: [
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
  ],
} as const;
