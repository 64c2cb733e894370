/** Planes of signed bytes to the bytes of an image: `restore` and `merge` of reference.ts. */
import {
  blue,
  chromaHeight,
  chromaStride,
  chromaWidth,
  halved,
  height,
  luma,
  lumaStride,
  red,
  width,
} from './layout.as';

/**
 * Weights of Cb and Cr in green: −46802 does not fit int16, so that 65536, which is Cr itself, is taken off
 * afterwards.
 */
const greenWeights = memory.data<i16>([-22554, 18734], 4);
/** Where the bytes of four pixels stand in four words of red, green, blue and nothing. */
const places = memory.data<u8>([0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 128, 128, 128, 128], 16);

/** Writes a grey image. Up to 15 bytes after it are overwritten. */
export function mergeGrey(image: usize): void {
  const offset = i8x16.splat(-128);
  const columns = <usize>width;
  for (let y = 0; y < height; y++) {
    const from = luma + <usize>y * lumaStride;
    const to = image + <usize>y * columns;
    for (let x: usize = 0; x < columns; x += 16) {
      v128.store(to + x, v128.xor(v128.load(from + x), offset));
    }
  }
}

/** Writes a colour image. Up to 49 bytes after it are overwritten. */
export function mergeColours(image: usize): void {
  if (halved) {
    repeatLastColumn(blue);
    repeatLastColumn(red);
  }
  for (let y = 0; y < height; y++) {
    const samples = luma + <usize>y * lumaStride;
    const to = image + <usize>y * <usize>width * 3;
    if (halved) mergeHalved(samples, y, to);
    else mergeFull(samples, <usize>y * chromaStride, to);
  }
}

function mergeFull(samples: usize, chroma: usize, to: usize): void {
  for (let x: usize = 0; x < <usize>width; x += 16) {
    const u = blue + chroma + x;
    const v = red + chroma + x;
    writePixels(
      to,
      samples + x,
      v128.load8x8_s(u),
      v128.load8x8_s(u, 8),
      v128.load8x8_s(v),
      v128.load8x8_s(v, 8),
    );
    to += 48;
  }
}

/** Repeats the last column of a plane of halved chroma. */
function repeatLastColumn(plane: usize): void {
  let end = plane + <usize>chromaWidth;
  for (let y = 0; y < chromaHeight; y++) {
    store<u8>(end, load<u8>(end - 1));
    end += chromaStride;
  }
}

function mergeHalved(samples: usize, y: i32, to: usize): void {
  const row = y >> 1;
  // Images of up to four columns repeat the means, which the same sums do where all their terms are equal.
  const repeats = chromaWidth <= 2;
  const beyond = repeats ? row : min(max(row + ((y & 1) == 0 ? -1 : 1), 0), chromaHeight - 1);
  const near = <usize>row * chromaStride;
  const far = <usize>beyond * chromaStride;
  let u = sumsOf(blue + near, blue + far);
  let v = sumsOf(red + near, red + far);
  let uBefore = i16x8.splat(<i16>i16x8.extract_lane_s(u, 0));
  let vBefore = i16x8.splat(<i16>i16x8.extract_lane_s(v, 0));
  for (let x: usize = 0; x < <usize>width; x += 16) {
    const next = (x >> 1) + 8;
    const uNext = sumsOf(blue + near + next, blue + far + next);
    const vNext = sumsOf(red + near + next, red + far + next);
    const uLeft = repeats ? u : leftOf(uBefore, u);
    const vLeft = repeats ? v : leftOf(vBefore, v);
    const uRight = repeats ? u : rightOf(u, uNext);
    const vRight = repeats ? v : rightOf(v, vNext);
    const uEven = evenOf(u, uLeft);
    const vEven = evenOf(v, vLeft);
    const uOdd = oddOf(u, uRight);
    const vOdd = oddOf(v, vRight);
    writePixels(
      to,
      samples + x,
      lowOf(uEven, uOdd),
      highOf(uEven, uOdd),
      lowOf(vEven, vOdd),
      highOf(vEven, vOdd),
    );
    uBefore = u;
    vBefore = v;
    u = uNext;
    v = vNext;
    to += 48;
  }
}

/** Eight columns, the nearer row three times and the farther row once. */
function sumsOf(near: usize, far: usize): v128 {
  return i16x8.add(i16x8.mul(v128.load8x8_s(near), i16x8.splat(3)), v128.load8x8_s(far));
}

/** The columns one to the left of those of `sums`. */
function leftOf(before: v128, sums: v128): v128 {
  return v128.shuffle<i16>(before, sums, 7, 8, 9, 10, 11, 12, 13, 14);
}

function rightOf(sums: v128, next: v128): v128 {
  return v128.shuffle<i16>(sums, next, 1, 2, 3, 4, 5, 6, 7, 8);
}

function evenOf(sums: v128, left: v128): v128 {
  const three = i16x8.mul(sums, i16x8.splat(3));
  return i16x8.shr_s(i16x8.add(i16x8.add(three, left), i16x8.splat(8)), 4);
}

function oddOf(sums: v128, right: v128): v128 {
  const three = i16x8.mul(sums, i16x8.splat(3));
  return i16x8.shr_s(i16x8.add(i16x8.add(three, right), i16x8.splat(7)), 4);
}

function lowOf(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

function highOf(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** Writes sixteen pixels and four bytes more, from samples less 128. */
function writePixels(to: usize, samples: usize, u0: v128, u1: v128, v0: v128, v1: v128): void {
  const offset = i16x8.splat(128);
  const y0 = i16x8.add(v128.load8x8_s(samples), offset);
  const y1 = i16x8.add(v128.load8x8_s(samples, 8), offset);
  const r = i8x16.narrow_i16x8_u(redOf(y0, v0), redOf(y1, v1));
  const g = i8x16.narrow_i16x8_u(greenOf(y0, u0, v0), greenOf(y1, u1, v1));
  const b = i8x16.narrow_i16x8_u(blueOf(y0, u0), blueOf(y1, u1));
  const none = i8x16.splat(0);
  const rgLow = v128.shuffle<i8>(r, g, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const rgHigh = v128.shuffle<i8>(r, g, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  const bLow = v128.shuffle<i8>(b, none, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const bHigh = v128.shuffle<i8>(b, none, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  const place = v128.load(places);
  v128.store(to, v128.swizzle(lowOf(rgLow, bLow), place), 0);
  v128.store(to, v128.swizzle(highOf(rgLow, bLow), place), 12);
  v128.store(to, v128.swizzle(lowOf(rgHigh, bHigh), place), 24);
  v128.store(to, v128.swizzle(highOf(rgHigh, bHigh), place), 36);
}

/**
 * Y + 1.402 Cr. A rounding product of 16 bits has 15 after the point: 13173 / 2¹⁵ gives the same as 26345 /
 * 2¹⁶ for every byte, and Cr itself is the rest of 91881 / 2¹⁶.
 */
function redOf(y: v128, v: v128): v128 {
  return i16x8.add(i16x8.add(y, v), i16x8.q15mulr_sat_s(v, i16x8.splat(13173)));
}

function blueOf(y: v128, u: v128): v128 {
  return i16x8.add(i16x8.add(y, u), i16x8.q15mulr_sat_s(u, i16x8.splat(25297)));
}

function greenOf(y: v128, u: v128, v: v128): v128 {
  const weights = v128.load32_splat(greenWeights);
  const half = i32x4.splat(32768);
  const chroma = i16x8.narrow_i32x4_s(
    i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(lowOf(u, v), weights), half), 16),
    i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(highOf(u, v), weights), half), 16),
  );
  return i16x8.add(i16x8.sub(y, v), chroma);
}
