/** Interleaved 8-bit pixels, `[height, width, channels]`. */
export interface Bitmap {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

const fractionBits = 22;

/**
 * Bilinear resizing with antialiasing exactly as in Pillow (`Image.resize(…, BILINEAR)`, Resample.c: a
 * triangle filter widened by the reduction factor, 22-bit fixed point, horizontal pass first, rounded to
 * bytes in between), because torchvision's `Resize` on images is Pillow's. sharp's own `linear` kernel
 * shrinks with a box filter first, and so differs by several levels at edges.
 */
export function resizeBilinear(image: Bitmap, height: number, width: number): Bitmap {
  const narrowed = width === image.width ? image : resizeWidth(image, width);
  return height === narrowed.height ? narrowed : resizeHeight(narrowed, height);
}

/**
 * Output size of torchvision's `Resize(size)`: the shorter side becomes `size`, the other keeps the ratio,
 * rounded down.
 */
export function resizedShape(height: number, width: number, size: number): [height: number, width: number] {
  const long = Math.floor((size * Math.max(height, width)) / Math.min(height, width));
  return height <= width ? [size, long] : [long, size];
}

/**
 * Centre square of torchvision's `CenterCrop`: its top is `int(round((height − crop) / 2.0))`, halves rounded
 * to even.
 */
export function centerCrop(image: Bitmap, crop: number): Bitmap {
  const { width, channels } = image;
  const top = roundHalfToEven((image.height - crop) / 2);
  const left = roundHalfToEven((width - crop) / 2);
  const data = new Uint8Array(crop * crop * channels);
  for (let row = 0; row < crop; row++) {
    const start = ((top + row) * width + left) * channels;
    data.set(image.data.subarray(start, start + crop * channels), row * crop * channels);
  }
  return { data, height: crop, width: crop, channels };
}

/** Python's `round`. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

interface Taps {
  /** First input index of each output. */
  readonly start: Int32Array;
  /** Number of inputs of each output. */
  readonly count: Int32Array;
  /** Fixed-point weights, `size` per output. */
  readonly weights: Int32Array;
  readonly size: number;
}

function triangleTaps(input: number, output: number): Taps {
  const scale = input / output;
  const support = Math.max(scale, 1);
  const size = Math.ceil(support) * 2 + 1;
  const start = new Int32Array(output);
  const count = new Int32Array(output);
  const weights = new Int32Array(output * size);
  const row = new Float64Array(size);
  for (let index = 0; index < output; index++) {
    const center = (index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const taps = Math.min(input, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      row[tap] = Math.max(0, 1 - Math.abs((tap + first - center + 0.5) / support));
      sum += row[tap]!;
    }
    start[index] = first;
    count[index] = taps;
    for (let tap = 0; tap < taps; tap++) {
      weights[index * size + tap] = Math.trunc(0.5 + (row[tap]! / sum) * 2 ** fractionBits);
    }
  }
  return { start, count, weights, size };
}

function resizeWidth({ data, height, width, channels }: Bitmap, output: number): Bitmap {
  const taps = triangleTaps(width, output);
  const result = new Uint8Array(height * output * channels);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < output; column++) {
      const from = (row * width + taps.start[column]!) * channels;
      const to = (row * output + column) * channels;
      applyTaps(data, from, channels, result, to, channels, taps, column);
    }
  }
  return { data: result, height, width: output, channels };
}

function resizeHeight({ data, height, width, channels }: Bitmap, output: number): Bitmap {
  const taps = triangleTaps(height, output);
  const stride = width * channels;
  const result = new Uint8Array(output * stride);
  for (let row = 0; row < output; row++) {
    applyTaps(data, taps.start[row]! * stride, stride, result, row * stride, stride, taps, row);
  }
  return { data: result, height: output, width, channels };
}

/** `length` neighbouring outputs, each a weighted sum of inputs `stride` apart. */
function applyTaps(
  data: Uint8Array,
  from: number,
  stride: number,
  result: Uint8Array,
  to: number,
  length: number,
  { count, weights, size }: Taps,
  output: number,
): void {
  const taps = count[output]!;
  for (let offset = 0; offset < length; offset++) {
    let sum = 2 ** (fractionBits - 1);
    for (let tap = 0; tap < taps; tap++) {
      sum += data[from + offset + tap * stride]! * weights[output * size + tap]!;
    }
    result[to + offset] = Math.min(255, sum >> fractionBits);
  }
}
