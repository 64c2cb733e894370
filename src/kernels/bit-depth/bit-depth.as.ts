/**
 * Bit-depth reduction in float32 with 128-bit SIMD; docs/kernels.md says why it is exact. reference.ts is the
 * definition, and only wasm.ts calls it.
 */

/** The place for values. */
export function start(): usize {
  return (__heap_base + 15) & ~15;
}

/** Makes room for `count` values. Returns whether there is enough memory. */
export function reserve(count: i32): bool {
  const pages = <i32>((start() + ((<usize>count) << 2) + 0xffff + 64) >> 16) - memory.size();
  return pages <= 0 || memory.grow(pages) >= 0;
}

/** Reduces `count` values at the start, a multiple of 32, in place. */
export function reduce(count: i32, steps: i32): void {
  const factor = f32x4.splat(<f32>steps);
  const end = start() + ((<usize>count) << 2);
  for (let at = start(); at < end; at += 128) {
    const a = f32x4.mul(v128.load(at), factor);
    const b = f32x4.mul(v128.load(at, 16), factor);
    const c = f32x4.mul(v128.load(at, 32), factor);
    const d = f32x4.mul(v128.load(at, 48), factor);
    const levelA = f32x4.nearest(a);
    const levelB = f32x4.nearest(b);
    const levelC = f32x4.nearest(c);
    const levelD = f32x4.nearest(d);
    const some = f32x4.pmax(
      f32x4.pmax(squareOf(f32x4.sub(a, levelA)), squareOf(f32x4.sub(b, levelB))),
      f32x4.pmax(squareOf(f32x4.sub(c, levelC)), squareOf(f32x4.sub(d, levelD))),
    );
    const e = f32x4.mul(v128.load(at, 64), factor);
    const f = f32x4.mul(v128.load(at, 80), factor);
    const g = f32x4.mul(v128.load(at, 96), factor);
    const h = f32x4.mul(v128.load(at, 112), factor);
    const levelE = f32x4.nearest(e);
    const levelF = f32x4.nearest(f);
    const levelG = f32x4.nearest(g);
    const levelH = f32x4.nearest(h);
    const others = f32x4.pmax(
      f32x4.pmax(squareOf(f32x4.sub(e, levelE)), squareOf(f32x4.sub(f, levelF))),
      f32x4.pmax(squareOf(f32x4.sub(g, levelG)), squareOf(f32x4.sub(h, levelH))),
    );
    // A product halfway between levels may have been rounded to there.
    if (v128.any_true(f32x4.ge(f32x4.pmax(some, others), f32x4.splat(0.25)))) {
      for (let value: usize = at; value < at + 128; value += 4) {
        store<f32>(value, <f32>(Math.floor(<f64>load<f32>(value) * <f64>steps + 0.5) / <f64>steps));
      }
      continue;
    }
    storeLevel(at, levelA, factor);
    storeLevel(at + 16, levelB, factor);
    storeLevel(at + 32, levelC, factor);
    storeLevel(at + 48, levelD, factor);
    storeLevel(at + 64, levelE, factor);
    storeLevel(at + 80, levelF, factor);
    storeLevel(at + 96, levelG, factor);
    storeLevel(at + 112, levelH, factor);
  }
}

function squareOf(values: v128): v128 {
  return f32x4.mul(values, values);
}

function storeLevel(at: usize, level: v128, factor: v128): void {
  // Adding 0 makes 0 of −0.
  v128.store(at, f32x4.div(f32x4.add(level, f32x4.splat(0)), factor));
}
