/**
 * Bytes of an image to planes of signed bytes, padded to whole blocks: `split`, `halve` and `pad` of
 * reference.ts.
 */
import {
  blocksOf,
  blue,
  chromaHeight,
  chromaStride,
  halved,
  height,
  luma,
  lumaStride,
  red,
  width,
} from './layout.as';

/**
 * Weights of red and green, and of blue and green, as pairs. 38470 and 32768 do not fit int16: green counts
 * for Y in both pairs, and chroma is taken with the opposite sign.
 */
const weights = memory.data<i16>(
  [19595, 19235, 7471, 19235, 11059, 21709, -32768, 0, -32768, 27439, 5329, 0],
  16,
);
const ofLuma: usize = 0;
const ofBlue: usize = 8;
const ofRed: usize = 16;

/** Which bytes of four pixels are red and green, or blue and green, in int16; 128 for none. */
const places = memory.data<u8>(
  [
    0, 128, 1, 128, 3, 128, 4, 128, 6, 128, 7, 128, 9, 128, 10, 128, 2, 128, 1, 128, 5, 128, 4, 128, 8, 128,
    7, 128, 11, 128, 10, 128,
  ],
  16,
);

/** Sixteen pixels of two rows, where a row ends before them: its last pixel is repeated. */
const tail = memory.data(128, 16);
const tailBytes: usize = 64;
/** Chroma of sixteen pixels of two rows, blue before red, in int16. */
const chroma = memory.data(128, 16);
const chromaBytes: usize = 64;

/** Makes the plane of a grey image. */
export function splitGrey(image: usize): void {
  const offset = i8x16.splat(-128);
  const columns = <usize>width;
  const missing = (blocksOf(width) << 3) - columns;
  for (let y = 0; y < height; y++) {
    const from = image + <usize>y * columns;
    const to = luma + <usize>y * lumaStride;
    for (let x: usize = 0; x < columns; x += 16) {
      v128.store(to + x, v128.xor(v128.load(from + x), offset));
    }
    const end = to + columns;
    for (let x: usize = 0; x < missing; x++) store<u8>(end + x, load<u8>(end - 1));
  }
  repeatLast(luma, lumaStride, height);
}

/** Makes the planes of a colour image. */
export function splitColours(image: usize): void {
  const rowBytes = <usize>width * 3;
  const whole = <usize>(width & ~15);
  for (let y = 0; y < height; y += halved ? 2 : 1) {
    const from = image + <usize>y * rowBytes;
    const below = y + 1 < height ? rowBytes : 0;
    for (let x: usize = 0; x < whole; x += 16) splitPixels(from + 3 * x, below, y, x);
    if (whole < <usize>width) {
      const missing = <usize>width - whole;
      fillTail(tail, from + 3 * whole, missing);
      fillTail(tail + tailBytes, from + below + 3 * whole, missing);
      splitPixels(tail, tailBytes, y, whole);
    }
  }
  repeatLast(luma, lumaStride, height);
  repeatLast(blue, chromaStride, chromaHeight);
  repeatLast(red, chromaStride, chromaHeight);
}

/** Copies the last `count` pixels of a row, at most fifteen, and repeats the last of them. */
function fillTail(to: usize, from: usize, count: usize): void {
  for (let x: usize = 0; x < 16; x++) {
    const pixel = from + 3 * min(x, count - 1);
    store<u16>(to + 3 * x, load<u16>(pixel));
    store<u8>(to + 3 * x, load<u8>(pixel, 2), 2);
  }
}

/** Repeats the last of the given rows until the last block is full. */
function repeatLast(plane: usize, stride: usize, rows: i32): void {
  const last = plane + <usize>(rows - 1) * stride;
  const end = plane + (blocksOf(rows) << 3) * stride;
  for (let row = last + stride; row < end; row += stride) memory.copy(row, last, stride);
}

/** Sixteen pixels of row y, and of the row below it if chroma is halved. */
function splitPixels(from: usize, below: usize, y: i32, x: usize): void {
  const to = luma + <usize>y * lumaStride + x;
  convert(from, to, chroma);
  if (halved) {
    convert(from + below, to + lumaStride, chroma + chromaBytes);
    const at = <usize>(y >> 1) * chromaStride + (x >> 1);
    v128.store64_lane(blue + at, halfOf(chroma), 0);
    v128.store64_lane(red + at, halfOf(chroma + 32), 0);
  } else {
    const at = <usize>y * chromaStride + x;
    v128.store(blue + at, i8x16.narrow_i16x8_s(v128.load(chroma, 0), v128.load(chroma, 16)));
    v128.store(red + at, i8x16.narrow_i16x8_s(v128.load(chroma, 32), v128.load(chroma, 48)));
  }
}

/**
 * Means of 2 × 2 of sixteen samples of two rows. The offset of 128 of each of four samples goes through the
 * shift.
 */
function halfOf(at: usize): v128 {
  const bias = i32x4(1, 2, 1, 2);
  const one = i16x8.splat(1);
  const left = i16x8.add(v128.load(at), v128.load(at, chromaBytes));
  const right = i16x8.add(v128.load(at, 16), v128.load(at, chromaBytes + 16));
  const means = i16x8.narrow_i32x4_s(
    i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(left, one), bias), 2),
    i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(right, one), bias), 2),
  );
  return i8x16.narrow_i16x8_s(means, means);
}

/** Y, Cb and Cr of sixteen pixels, less 128. */
function convert(from: usize, toLuma: usize, toChroma: usize): void {
  const redGreen = v128.load(places, 0);
  const blueGreen = v128.load(places, 16);
  const a = v128.load(from, 0);
  const b = v128.load(from, 12);
  const c = v128.load(from, 24);
  const d = v128.load(from, 36);
  const a0 = v128.swizzle(a, redGreen);
  const a1 = v128.swizzle(a, blueGreen);
  const b0 = v128.swizzle(b, redGreen);
  const b1 = v128.swizzle(b, blueGreen);
  const c0 = v128.swizzle(c, redGreen);
  const c1 = v128.swizzle(c, blueGreen);
  const d0 = v128.swizzle(d, redGreen);
  const d1 = v128.swizzle(d, blueGreen);
  v128.store(
    toLuma,
    i8x16.narrow_i16x8_s(
      i16x8.narrow_i32x4_s(lumaOf(a0, a1), lumaOf(b0, b1)),
      i16x8.narrow_i32x4_s(lumaOf(c0, c1), lumaOf(d0, d1)),
    ),
  );
  v128.store(toChroma, i16x8.narrow_i32x4_s(chromaOf(a0, a1, ofBlue), chromaOf(b0, b1, ofBlue)), 0);
  v128.store(toChroma, i16x8.narrow_i32x4_s(chromaOf(c0, c1, ofBlue), chromaOf(d0, d1, ofBlue)), 16);
  v128.store(toChroma, i16x8.narrow_i32x4_s(chromaOf(a0, a1, ofRed), chromaOf(b0, b1, ofRed)), 32);
  v128.store(toChroma, i16x8.narrow_i32x4_s(chromaOf(c0, c1, ofRed), chromaOf(d0, d1, ofRed)), 48);
}

function weighted(redGreen: v128, blueGreen: v128, component: usize): v128 {
  return i32x4.add(
    i32x4.dot_i16x8_s(redGreen, v128.load32_splat(weights + component)),
    i32x4.dot_i16x8_s(blueGreen, v128.load32_splat(weights + component, 4)),
  );
}

function lumaOf(redGreen: v128, blueGreen: v128): v128 {
  return i32x4.shr_s(i32x4.add(weighted(redGreen, blueGreen, ofLuma), i32x4.splat(32768 - (128 << 16))), 16);
}

function chromaOf(redGreen: v128, blueGreen: v128, component: usize): v128 {
  return i32x4.shr_s(i32x4.sub(i32x4.splat(32767), weighted(redGreen, blueGreen, component)), 16);
}
