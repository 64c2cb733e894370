/**
 * The random numbers of tensors/random.ts, Philox4x32-10 (Salmon, Moraes, Dror and Shaw, SC 2011), four
 * blocks at a time. Only wasm.ts calls it.
 */

const rounds: i32 = 10;

/**
 * Makes room for `blocks` blocks of four words, a multiple of four. Returns the address, or 0 if there is not
 * enough memory.
 */
export function reserve(blocks: i32): usize {
  const address = (__heap_base + 15) & ~15;
  const end = address + ((<usize>blocks) << 4);
  const pages = <i32>((end + 0xffff) >> 16) - memory.size();
  if (pages > 0 && memory.grow(pages) < 0) return 0;
  return address;
}

/** Writes the words of blocks 0 to `blocks` of the stream with counters c1, c2, c3 and key k0, k1. */
export function fill(address: usize, blocks: i32, c1: i32, c2: i32, c3: i32, k0: i32, k1: i32): void {
  const firstFactor = i32x4.splat(0xd2511f53);
  const secondFactor = i32x4.splat(0xcd9e8d57);
  for (let block = 0; block < blocks; block += 4) {
    let a = i32x4.add(i32x4.splat(block), i32x4(0, 1, 2, 3));
    let b = i32x4.splat(c1);
    let c = i32x4.splat(c2);
    let d = i32x4.splat(c3);
    let firstKey = k0;
    let secondKey = k1;
    for (let round = 0; round < rounds; round++) {
      const left = i64x2.extmul_low_i32x4_u(a, firstFactor);
      const right = i64x2.extmul_high_i32x4_u(a, firstFactor);
      const otherLeft = i64x2.extmul_low_i32x4_u(c, secondFactor);
      const otherRight = i64x2.extmul_high_i32x4_u(c, secondFactor);
      a = v128.xor(v128.xor(highWords(otherLeft, otherRight), b), i32x4.splat(firstKey));
      b = lowWords(otherLeft, otherRight);
      c = v128.xor(v128.xor(highWords(left, right), d), i32x4.splat(secondKey));
      d = lowWords(left, right);
      firstKey += 0x9e3779b9;
      secondKey += 0xbb67ae85;
    }
    // The four words of a block are stored together.
    const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
    const abAfter = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const cdAfter = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
    const at = address + ((<usize>block) << 4);
    v128.store(at, v128.shuffle<i32>(ab, cd, 0, 1, 4, 5));
    v128.store(at, v128.shuffle<i32>(ab, cd, 2, 3, 6, 7), 16);
    v128.store(at, v128.shuffle<i32>(abAfter, cdAfter, 0, 1, 4, 5), 32);
    v128.store(at, v128.shuffle<i32>(abAfter, cdAfter, 2, 3, 6, 7), 48);
  }
}

function lowWords(left: v128, right: v128): v128 {
  return v128.shuffle<i32>(left, right, 0, 2, 4, 6);
}

function highWords(left: v128, right: v128): v128 {
  return v128.shuffle<i32>(left, right, 1, 3, 5, 7);
}
