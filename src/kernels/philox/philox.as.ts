/**
 * Drops values at random: the random numbers of tensors/random.ts, Philox4x32-10 (Salmon, Moraes, Dror and
 * Shaw, SC 2011), four blocks at a time, each compared and used where it is made. The module works in a memory
 * that it is given, so that the values may lie where another kernel needs them. Only wasm.ts calls it.
 */

const rounds: i32 = 10;
/** Bytes of the 16 values that belong to four blocks. */
const fourBlocks: usize = 64;

/**
 * Cuts the `count` values at `address` to [0, 1], in place, and makes those −1 whose word is at least `least`.
 * The words are those of the stream with counters c1, c2, c3 and key k0, k1; `group` values in a row have one
 * word. Returns whether all values are numbers. Writes up to 32 values past the last.
 */
export function drop(
  address: usize,
  count: i32,
  group: i32,
  least: i32,
  c1: i32,
  c2: i32,
  c3: i32,
  k0: i32,
  k1: i32,
): bool {
  if (group == 1) return dropAll<Single>(address, count, group, least, c1, c2, c3, k0, k1);
  return dropAll<Grouped>(address, count, group, least, c1, c2, c3, k0, k1);
}

/** Cuts the values to [0, 1], in place. Returns whether all are numbers. Writes up to three past the last. */
export function cut(address: usize, count: i32): bool {
  const end = address + ((<usize>count) << 2);
  // What is past the last value may be anything.
  for (let at = end; at < ((end + 15) & ~15); at += 4) store<f32>(at, 0);
  let isNone = i32x4.splat(0);
  for (let at = address; at < end; at += 16) {
    const values = v128.load(at);
    isNone = v128.or(isNone, f32x4.ne(values, values));
    v128.store(at, inRange(values));
  }
  return !v128.any_true(isNone);
}

// Variants are types, so that each is compiled by itself.
class Single {}
class Grouped {}

function dropAll<Grouping>(
  address: usize,
  count: i32,
  group: i32,
  least: i32,
  c1: i32,
  c2: i32,
  c3: i32,
  k0: i32,
  k1: i32,
): bool {
  const grouped = idof<Grouping>() == idof<Grouped>();
  const end = address + ((<usize>count) << 2);
  const scratch = (end + fourBlocks - 1) & ~15;
  const bound = i32x4.splat(least);
  const firstFactor = i32x4.splat(0xd2511f53);
  const secondFactor = i32x4.splat(0xcd9e8d57);
  const firstStep = i32x4.splat(0x9e3779b9);
  const secondStep = i32x4.splat(0xbb67ae85);
  let isNone = i32x4.splat(0);
  let blocks = i32x4(0, 1, 2, 3);
  let at = address;
  if (!grouped) memory.fill(end, 0, fourBlocks);
  while (at < end) {
    let a = blocks;
    let b = i32x4.splat(c1);
    let c = i32x4.splat(c2);
    let d = i32x4.splat(c3);
    let firstKey = i32x4.splat(k0);
    let secondKey = i32x4.splat(k1);
    for (let round = 0; round < rounds; round++) {
      const left = i64x2.extmul_low_i32x4_u(a, firstFactor);
      const right = i64x2.extmul_high_i32x4_u(a, firstFactor);
      const otherLeft = i64x2.extmul_low_i32x4_u(c, secondFactor);
      const otherRight = i64x2.extmul_high_i32x4_u(c, secondFactor);
      a = v128.xor(v128.xor(highWords(otherLeft, otherRight), b), firstKey);
      b = lowWords(otherLeft, otherRight);
      c = v128.xor(v128.xor(highWords(left, right), d), secondKey);
      d = lowWords(left, right);
      firstKey = i32x4.add(firstKey, firstStep);
      secondKey = i32x4.add(secondKey, secondStep);
    }
    blocks = i32x4.add(blocks, i32x4.splat(4));
    // The four words of a block follow each other.
    const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
    const abAfter = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const cdAfter = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
    const words = v128.shuffle<i32>(ab, cd, 0, 1, 4, 5);
    const secondWords = v128.shuffle<i32>(ab, cd, 2, 3, 6, 7);
    const thirdWords = v128.shuffle<i32>(abAfter, cdAfter, 0, 1, 4, 5);
    const fourthWords = v128.shuffle<i32>(abAfter, cdAfter, 2, 3, 6, 7);
    if (grouped) {
      v128.store(scratch, words);
      v128.store(scratch, secondWords, 16);
      v128.store(scratch, thirdWords, 32);
      v128.store(scratch, fourthWords, 48);
      for (let word: usize = 0; word < fourBlocks && at < end; word += 4) {
        const isDropped = load<u32>(scratch + word) >= <u32>least;
        for (let value = 0; value < group; value++, at += 4) {
          const vector = v128.load32_zero(at);
          isNone = v128.or(isNone, f32x4.ne(vector, vector));
          store<f32>(at, isDropped ? -1 : f32x4.extract_lane(inRange(vector), 0));
        }
      }
    } else {
      const values = v128.load(at);
      const secondValues = v128.load(at, 16);
      const thirdValues = v128.load(at, 32);
      const fourthValues = v128.load(at, 48);
      v128.store(at, kept(values, words, bound));
      v128.store(at, kept(secondValues, secondWords, bound), 16);
      v128.store(at, kept(thirdValues, thirdWords, bound), 32);
      v128.store(at, kept(fourthValues, fourthWords, bound), 48);
      isNone = v128.or(
        v128.or(isNone, v128.or(f32x4.ne(values, values), f32x4.ne(secondValues, secondValues))),
        v128.or(f32x4.ne(thirdValues, thirdValues), f32x4.ne(fourthValues, fourthValues)),
      );
      at += fourBlocks;
    }
  }
  return !v128.any_true(isNone);
}

/** The values in [0, 1], and −1 where the word is at least `bound`. */
function kept(values: v128, words: v128, bound: v128): v128 {
  return v128.bitselect(f32x4.splat(-1), inRange(values), i32x4.ge_u(words, bound));
}

/** The ends of [0, 1] for values beyond them; 0 for −0. Unlike `max` and `min`, these are one instruction each. */
function inRange(values: v128): v128 {
  return f32x4.pmin(f32x4.splat(1), f32x4.pmax(f32x4.splat(0), values));
}

function lowWords(left: v128, right: v128): v128 {
  return v128.shuffle<i32>(left, right, 0, 2, 4, 6);
}

function highWords(left: v128, right: v128): v128 {
  return v128.shuffle<i32>(left, right, 1, 3, 5, 7);
}
