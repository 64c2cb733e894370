/**
 * Resizes crops to the size of their images: float64 with 128-bit SIMD, in the order of the definition
 * (reference.ts). Only wasm.ts calls it.
 */

let height: i32 = 0;
let width: i32 = 0;
let channels: i32 = 0;
let size: i32 = 0;
/** The taps of columns and of rows: first and second pixel as int32, then the two weights. */
export let columnTaps: usize = 0;
export let rowTaps: usize = 0;
/** The rows of the image from which the crop is cut, whole, as float32. */
export let band: usize = 0;
/** The resized crop, float32. */
export let result: usize = 0;
let top: usize = 0;
let bottom: usize = 0;

/** Bytes of a tap. */
const tapBytes: usize = 24;

/** Makes room for crops of `size` pixels. Returns whether there is enough memory. */
export function reserve(ofHeight: i32, ofWidth: i32, count: i32, ofSize: i32): bool {
  height = ofHeight;
  width = ofWidth;
  channels = count;
  size = ofSize;
  const rowBytes = (<usize>width * channels + 4) << 3;
  columnTaps = (__heap_base + 15) & ~15;
  rowTaps = columnTaps + <usize>width * tapBytes;
  top = (rowTaps + <usize>height * tapBytes + 15) & ~15;
  bottom = (top + rowBytes + 15) & ~15;
  band = (bottom + rowBytes + 15) & ~15;
  // Loops may read and write a vector past the last value.
  result = (band + ((<usize>size * width * channels + 8) << 2) + 15) & ~15;
  const end = result + ((<usize>height * width * channels + 8) << 2);
  const pages = <i32>((end + 0xffff) >> 16) - memory.size();
  return pages <= 0 || memory.grow(pages) >= 0;
}

/** Resizes the crop of the band that begins at column `left`. */
export function resize(left: i32): void {
  const rowBytes = (<usize>width * channels) << 2;
  const start = band + ((<usize>left * channels) << 2);
  let topRow = -1;
  let bottomRow = -1;
  let to = result;
  for (let y = 0; y < height; y++) {
    const tap = rowTaps + <usize>y * tapBytes;
    const first = load<i32>(tap);
    const second = load<i32>(tap, 4);
    // A row is widened once, although several rows of the result mix it.
    if (first != topRow) {
      if (first == bottomRow) {
        const other = top;
        top = bottom;
        bottom = other;
        bottomRow = -1;
      } else widen(start + <usize>first * rowBytes, top);
      topRow = first;
    }
    if (second != bottomRow) {
      widen(start + <usize>second * rowBytes, bottom);
      bottomRow = second;
    }
    mix(to, v128.load64_splat(tap, 8), v128.load64_splat(tap, 16));
    to += rowBytes;
  }
}

/** Widens the crop's part of a row, which begins at `row`, into float64. */
function widen(row: usize, to: usize): void {
  const end = columnTaps + <usize>width * tapBytes;
  const pixelBytes = (<usize>channels) << 2;
  for (let tap = columnTaps; tap < end; tap += tapBytes) {
    const left = row + <usize>load<i32>(tap) * pixelBytes;
    const right = row + <usize>load<i32>(tap, 4) * pixelBytes;
    const ofLeft = v128.load64_splat(tap, 8);
    const ofRight = v128.load64_splat(tap, 16);
    // Two channels at a time; what is written past the last is overwritten by the next pixel.
    for (let c: usize = 0; c < pixelBytes; c += 8) {
      const a = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(left + c)), ofLeft);
      const b = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(right + c)), ofRight);
      v128.store(to + 2 * c, f64x2.add(a, b));
    }
    to += 2 * pixelBytes;
  }
}

/** Mixes the widened rows to a row of the result. */
function mix(to: usize, above: v128, below: v128): void {
  const end = to + ((<usize>width * channels) << 2);
  let first = top;
  let second = bottom;
  for (; to < end; to += 16) {
    const low = f64x2.add(f64x2.mul(v128.load(first), above), f64x2.mul(v128.load(second), below));
    const high = f64x2.add(f64x2.mul(v128.load(first, 16), above), f64x2.mul(v128.load(second, 16), below));
    const both = v128.shuffle<f32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5);
    v128.store(to, both);
    first += 32;
    second += 32;
  }
}
