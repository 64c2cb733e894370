import { rowBytes } from './layout.as';

/**
 * The split gradient d and its scaled dual b are kept as e = b + (1 − ρ)d and g = d − b, which is what the iteration reads; ρ in (0, 2) is
 * how far each iteration goes beyond its own result (Eckstein and Bertsekas 1992).
 */
export function scaledDual(e: v128, g: v128, rho: f32): v128 {
  return f32x4.mul(f32x4.add(e, f32x4.mul(f32x4.splat(rho - 1), g)), f32x4.splat(1 / (2 - rho)));
}

export function storeDual(e: usize, g: usize, b: v128, d: v128, rho: f32): void {
  v128.store(e, f32x4.add(b, f32x4.mul(f32x4.splat(1 - rho), d)));
  v128.store(g, f32x4.sub(d, b));
}

/** ∇ᵀ of the field (x, y) at `own`; `left` is the place of the pixel before it. */
export function divergence(x: usize, y: usize, own: usize, left: usize): v128 {
  return f32x4.add(
    f32x4.sub(v128.load(x + left), v128.load(x + own)),
    f32x4.sub(v128.load(y + own - rowBytes), v128.load(y + own)),
  );
}
