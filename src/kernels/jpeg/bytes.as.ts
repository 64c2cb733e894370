/**
 * Rounds `count` float32 pixels in [0, 1] to bytes, halves upwards: `bytesOf` of reference.ts. Reads and
 * writes up to 15 values beyond them.
 */
export function roundToBytes(from: usize, to: usize, count: usize): void {
  const end = to + count;
  while (to < end) {
    const low = i16x8.narrow_i32x4_s(fourOf(from), fourOf(from + 16));
    const high = i16x8.narrow_i32x4_s(fourOf(from + 32), fourOf(from + 48));
    v128.store(to, i8x16.narrow_i16x8_u(low, high));
    from += 64;
    to += 16;
  }
}

/**
 * Float32 would round products that lie just below a half up to it; in float64 they are exact. Numbers beyond
 * a byte are taken modulo 256.
 */
function fourOf(from: usize): v128 {
  const both = v128.shuffle<i64>(twoOf(from), twoOf(from + 8), 0, 2);
  return v128.and(both, i32x4.splat(255));
}

function twoOf(from: usize): v128 {
  const pixels = f64x2.promote_low_f32x4(v128.load64_zero(from));
  return i32x4.trunc_sat_f64x2_s_zero(f64x2.add(f64x2.mul(pixels, f64x2.splat(255)), f64x2.splat(0.5)));
}
