/**
 * Transforms the blocks of a plane, rounds their coefficients to multiples of the quanta, and transforms them
 * back: `quantise` of reference.ts.
 *
 * A transform is the matrix product of the definition. Sums and differences of mirrored samples are taken
 * first, which is exact in integers: even frequencies need only the sums, odd ones only the differences, and
 * the odd part of the matrix is symmetric, so that both directions multiply by the same pairs. All factors
 * fit int16: samples are within 128, coefficients of rows within 4,096, those of blocks within 2¹⁴ (eight
 * times the true ones). A block of coefficients has a norm of at most 8 · 128, and rounding moves a column of
 * them by at most √8 · 127.5, half of the largest quanta. So what the inverse makes of a column is at most 4
 * √8 · (1024 + √8 · 127.5), which is below 15,700.
 */
import { blocksOf, quanta, reciprocals } from './layout.as';

/** Pairs of entries of the matrix, by their offset. */
const pairs = memory.data<i16>(
  [
    8192, 8192, 8192, -8192, 10703, 4433, 4433, -10704, 11363, 9633, 6437, 2260, 9633, -2259, -11362, -6436,
    6437, -11362, 2261, 9633, 2260, -6436, 9633, -11363,
  ],
  16,
);
const sum: usize = 0;
const difference: usize = 4;
const outerEven: usize = 8;
const innerEven: usize = 12;
/** The two pairs of each odd frequency, and of each pair of mirrored samples. */
const firstOdd: usize = 16;
const secondOdd: usize = 24;
const thirdOdd: usize = 32;
const fourthOdd: usize = 40;

/** The block at hand: eight rows of eight int16. */
const block = memory.data(128, 16);

/**
 * Changes a plane of `rows` × `columns` signed bytes by the quanta of `table`. Blocks that the plane fills
 * only in part are changed whole.
 */
export function changePlane(plane: usize, stride: usize, rows: i32, columns: i32, table: usize): void {
  const across = blocksOf(columns) << 3;
  const end = plane + (blocksOf(rows) << 3) * stride;
  for (let row = plane; row < end; row += stride << 3) {
    for (let at = row; at < row + across; at += 8) {
      loadBlock(at, stride);
      forward<i8>();
      forward<i16>();
      if (quantise(table)) {
        inverse<i16>();
        inverse<i8>();
        storeBlock(at, stride);
      } else fillBlock(at, stride);
    }
  }
}

/** Prepares a table whose quanta have been written. */
export function prepareTable(table: usize): void {
  for (let k: usize = 0; k < 64; k++) {
    const quantum = <f64>load<i16>(table + (k << 1), quanta);
    // A little too large, so that a half is not rounded to an even multiple: see `quantise`.
    store<f32>(table + (k << 2), <f32>((1 + 1.0 / 262144) / (8 * quantum)), reciprocals);
  }
}

/** Loads a block of samples; its columns become the rows. */
function loadBlock(at: usize, stride: usize): void {
  const fifth = at + (stride << 2);
  storeTransposed(
    v128.load8x8_s(at),
    v128.load8x8_s(at + stride),
    v128.load8x8_s(at + (stride << 1)),
    v128.load8x8_s(at + 3 * stride),
    v128.load8x8_s(fifth),
    v128.load8x8_s(fifth + stride),
    v128.load8x8_s(fifth + (stride << 1)),
    v128.load8x8_s(fifth + 3 * stride),
  );
}

/** Stores the block as signed bytes: −128 and 127 are the ends of what a sample can be. */
function storeBlock(at: usize, stride: usize): void {
  for (let row: usize = 0; row < 128; row += 16) {
    const samples = v128.load(block + row);
    v128.store64_lane(at, i8x16.narrow_i16x8_s(samples, samples), 0);
    at += stride;
  }
}

/** Stores a block of which only the mean is left: what the inverse transforms make of it. */
function fillBlock(at: usize, stride: usize): void {
  const sample = i16x8.splat((load<i16>(block) + 4) >> 3);
  const samples = i8x16.narrow_i16x8_s(sample, sample);
  for (let row = 0; row < 8; row++) {
    v128.store64_lane(at, samples, 0);
    at += stride;
  }
}

/**
 * Stores the transpose of eight rows in the block. Three times, the first half of the rows and the second are
 * interleaved.
 */
function storeTransposed(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128): void {
  const a1 = lowOf(a, e);
  const b1 = highOf(a, e);
  const c1 = lowOf(b, f);
  const d1 = highOf(b, f);
  const e1 = lowOf(c, g);
  const f1 = highOf(c, g);
  const g1 = lowOf(d, h);
  const h1 = highOf(d, h);
  const a2 = lowOf(a1, e1);
  const b2 = highOf(a1, e1);
  const c2 = lowOf(b1, f1);
  const d2 = highOf(b1, f1);
  const e2 = lowOf(c1, g1);
  const f2 = highOf(c1, g1);
  const g2 = lowOf(d1, h1);
  const h2 = highOf(d1, h1);
  v128.store(block, lowOf(a2, e2), 0);
  v128.store(block, highOf(a2, e2), 16);
  v128.store(block, lowOf(b2, f2), 32);
  v128.store(block, highOf(b2, f2), 48);
  v128.store(block, lowOf(c2, g2), 64);
  v128.store(block, highOf(c2, g2), 80);
  v128.store(block, lowOf(d2, h2), 96);
  v128.store(block, highOf(d2, h2), 112);
}

/** The first four values of each of two vectors, in turn. */
function lowOf(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

/** The last four values of each, in turn. */
function highOf(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** Sums of the products of four pairs of values with a pair of the matrix. */
function dot(values: v128, pair: usize): v128 {
  return i32x4.dot_i16x8_s(values, v128.load32_splat(pairs + pair));
}

/** Sums over the four odd terms of a frequency, or of a sample. */
function odd(first: v128, second: v128, pair: usize): v128 {
  return i32x4.add(dot(first, pair), dot(second, pair + 4));
}

/** Eight sums with `bits` bits after the point, rounded. */
function rounded(low: v128, high: v128, bits: i32): v128 {
  const half = i32x4.splat(1 << (bits - 1));
  return shifted(i32x4.add(low, half), i32x4.add(high, half), bits);
}

function shifted(low: v128, high: v128, bits: i32): v128 {
  return i16x8.narrow_i32x4_s(i32x4.shr_s(low, bits), i32x4.shr_s(high, bits));
}

/**
 * Transforms the columns of the block: rows of samples that stand as columns (i8), which are turned upright,
 * or the columns of what that gave (i16).
 */
function forward<From>(): void {
  const bits = sizeof<From>() == 1 ? 11 : 15;
  const x0 = v128.load(block, 0);
  const x1 = v128.load(block, 16);
  const x2 = v128.load(block, 32);
  const x3 = v128.load(block, 48);
  const x4 = v128.load(block, 64);
  const x5 = v128.load(block, 80);
  const x6 = v128.load(block, 96);
  const x7 = v128.load(block, 112);
  const s0 = i16x8.add(x0, x7);
  const s1 = i16x8.add(x1, x6);
  const s2 = i16x8.add(x2, x5);
  const s3 = i16x8.add(x3, x4);
  const outer = i16x8.add(s0, s3);
  const inner = i16x8.add(s1, s2);
  const sumLow = lowOf(outer, inner);
  const sumHigh = highOf(outer, inner);
  const f0 = rounded(dot(sumLow, sum), dot(sumHigh, sum), bits);
  const f4 = rounded(dot(sumLow, difference), dot(sumHigh, difference), bits);
  const acrossOuter = i16x8.sub(s0, s3);
  const acrossInner = i16x8.sub(s1, s2);
  const evenLow = lowOf(acrossOuter, acrossInner);
  const evenHigh = highOf(acrossOuter, acrossInner);
  const f2 = rounded(dot(evenLow, outerEven), dot(evenHigh, outerEven), bits);
  const f6 = rounded(dot(evenLow, innerEven), dot(evenHigh, innerEven), bits);
  const d0 = i16x8.sub(x0, x7);
  const d1 = i16x8.sub(x1, x6);
  const d2 = i16x8.sub(x2, x5);
  const d3 = i16x8.sub(x3, x4);
  const aLow = lowOf(d0, d1);
  const aHigh = highOf(d0, d1);
  const bLow = lowOf(d2, d3);
  const bHigh = highOf(d2, d3);
  const f1 = rounded(odd(aLow, bLow, firstOdd), odd(aHigh, bHigh, firstOdd), bits);
  const f3 = rounded(odd(aLow, bLow, secondOdd), odd(aHigh, bHigh, secondOdd), bits);
  const f5 = rounded(odd(aLow, bLow, thirdOdd), odd(aHigh, bHigh, thirdOdd), bits);
  const f7 = rounded(odd(aLow, bLow, fourthOdd), odd(aHigh, bHigh, fourthOdd), bits);
  if (sizeof<From>() == 1) storeTransposed(f0, f1, f2, f3, f4, f5, f6, f7);
  else {
    v128.store(block, f0, 0);
    v128.store(block, f1, 16);
    v128.store(block, f2, 32);
    v128.store(block, f3, 48);
    v128.store(block, f4, 64);
    v128.store(block, f5, 80);
    v128.store(block, f6, 96);
    v128.store(block, f7, 112);
  }
}

/**
 * Rounds the coefficients to multiples of their quanta, halves away from zero. 3 · 2²² has no bits after the
 * point in float32, so that adding it rounds. A half would go to the even multiple, so the reciprocals are
 * larger by 2⁻¹⁸ of themselves: no coefficient below 2¹⁴ other than a half is that near to one. Returns
 * whether any coefficient but the mean is left.
 */
function quantise(table: usize): bool {
  let others = i16x8.splat(0);
  const whole = f32x4.splat(12582912);
  for (let row: usize = 0; row < 128; row += 16) {
    const coefficients = v128.load(block + row);
    const low = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(coefficients));
    const high = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(coefficients));
    const scale = table + (row << 1);
    const multiplesLow = f32x4.add(f32x4.mul(low, v128.load(scale, reciprocals)), whole);
    const multiplesHigh = f32x4.add(f32x4.mul(high, v128.load(scale, reciprocals + 16)), whole);
    const multiples = i16x8.narrow_i32x4_s(i32x4.sub(multiplesLow, whole), i32x4.sub(multiplesHigh, whole));
    v128.store(block + row, i16x8.mul(multiples, v128.load(table + row, quanta)));
    others = v128.or(others, row == 0 ? i16x8.replace_lane(multiples, 0, 0) : multiples);
  }
  return v128.any_true(others);
}

/**
 * Transforms the columns of the block back and turns it: to rows of frequencies (i16), or to samples (i8).
 */
function inverse<To>(): void {
  const bits = sizeof<To>() == 1 ? 18 : 11;
  const half = i32x4.splat(1 << (bits - 1));
  const c0 = v128.load(block, 0);
  const c1 = v128.load(block, 16);
  const c2 = v128.load(block, 32);
  const c3 = v128.load(block, 48);
  const c4 = v128.load(block, 64);
  const c5 = v128.load(block, 80);
  const c6 = v128.load(block, 96);
  const c7 = v128.load(block, 112);

  const zeroLow = lowOf(c0, c4);
  const twoLow = lowOf(c2, c6);
  const sumLow = i32x4.add(dot(zeroLow, sum), half);
  const differenceLow = i32x4.add(dot(zeroLow, difference), half);
  const outerLow = dot(twoLow, outerEven);
  const innerLow = dot(twoLow, innerEven);
  const e0Low = i32x4.add(sumLow, outerLow);
  const e1Low = i32x4.add(differenceLow, innerLow);
  const e2Low = i32x4.sub(differenceLow, innerLow);
  const e3Low = i32x4.sub(sumLow, outerLow);
  const aLow = lowOf(c1, c3);
  const bLow = lowOf(c5, c7);
  const o0Low = odd(aLow, bLow, firstOdd);
  const o1Low = odd(aLow, bLow, secondOdd);
  const o2Low = odd(aLow, bLow, thirdOdd);
  const o3Low = odd(aLow, bLow, fourthOdd);

  const zeroHigh = highOf(c0, c4);
  const twoHigh = highOf(c2, c6);
  const sumHigh = i32x4.add(dot(zeroHigh, sum), half);
  const differenceHigh = i32x4.add(dot(zeroHigh, difference), half);
  const outerHigh = dot(twoHigh, outerEven);
  const innerHigh = dot(twoHigh, innerEven);
  const e0High = i32x4.add(sumHigh, outerHigh);
  const e1High = i32x4.add(differenceHigh, innerHigh);
  const e2High = i32x4.sub(differenceHigh, innerHigh);
  const e3High = i32x4.sub(sumHigh, outerHigh);
  const aHigh = highOf(c1, c3);
  const bHigh = highOf(c5, c7);
  const o0High = odd(aHigh, bHigh, firstOdd);
  const o1High = odd(aHigh, bHigh, secondOdd);
  const o2High = odd(aHigh, bHigh, thirdOdd);
  const o3High = odd(aHigh, bHigh, fourthOdd);

  storeTransposed(
    shifted(i32x4.add(e0Low, o0Low), i32x4.add(e0High, o0High), bits),
    shifted(i32x4.add(e1Low, o1Low), i32x4.add(e1High, o1High), bits),
    shifted(i32x4.add(e2Low, o2Low), i32x4.add(e2High, o2High), bits),
    shifted(i32x4.add(e3Low, o3Low), i32x4.add(e3High, o3High), bits),
    shifted(i32x4.sub(e3Low, o3Low), i32x4.sub(e3High, o3High), bits),
    shifted(i32x4.sub(e2Low, o2Low), i32x4.sub(e2High, o2High), bits),
    shifted(i32x4.sub(e1Low, o1Low), i32x4.sub(e1High, o1High), bits),
    shifted(i32x4.sub(e0Low, o0Low), i32x4.sub(e0High, o0High), bits),
  );
}
