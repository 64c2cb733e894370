import { divergence, scaledDual } from './dual.as';
import {
  ex,
  ey,
  gx,
  gy,
  halfBytes,
  height,
  inside,
  mirror,
  padding,
  rowAt,
  rowBytes,
  span,
  target,
  u,
  unmirror,
} from './layout.as';

/**
 * How far the best value of a dropped pixel is taken to be from the current one. Smaller stops sooner; with these the estimate was
 * never below the true gap on the photographs of docs/kernels.md.
 */
const trust: f32 = 0.01;
const trustAnisotropic: f32 = 0.02;

export let primal: f64 = 0;
export let dual: f64 = 0;

export function resetBound(): void {
  primal = 0;
  dual = 0;
}

/** Adds the channel's objective to `primal` and a bound on the least objective, from p = μb and w = ∇ᵀp, to `dual`. */
export function addBound(lambda: f32, penalty: f32, rho: f32, anisotropic: bool): void {
  const zero = f32x4.splat(0);
  const halfOf = f32x4.splat(0.5);
  const mu = f32x4.splat(penalty);
  const margin = f32x4.splat(anisotropic ? trustAnisotropic : trust);
  for (let y = 0; y < height; y++) {
    const row = rowAt(y);
    const below = y == height - 1 ? 0 : rowBytes;
    let variation = zero;
    let data = zero;
    let least = zero;
    mirror(row);
    for (let odd = 0; odd < 2; odd++) {
      const half = odd ? halfBytes : 0;
      const valid = inside + padding + half;
      let own = row + half;
      let left = odd ? row : row + halfBytes - 4;
      for (let i: usize = 0; i < span; i += 16) {
        const weight = v128.load(valid + i);
        const value = v128.load(u + own);
        const f = v128.load(target + own);
        const dx = f32x4.sub(v128.load(u + left + 4), value);
        const dy = f32x4.sub(v128.load(u + own + below), value);
        const size = anisotropic
          ? f32x4.add(f32x4.abs(dx), f32x4.abs(dy))
          : f32x4.sqrt(f32x4.add(f32x4.mul(dx, dx), f32x4.mul(dy, dy)));
        variation = f32x4.add(variation, f32x4.mul(weight, size));
        const w = f32x4.mul(
          mu,
          scaledDual(divergence(ex, ey, own, left), divergence(gx, gy, own, left), rho),
        );
        const kept = f32x4.ge(f, zero);
        const error = f32x4.sub(value, f);
        data = f32x4.add(data, f32x4.mul(weight, v128.and(kept, f32x4.mul(halfOf, f32x4.mul(error, error)))));
        const ofKept = f32x4.sub(f32x4.mul(w, f), f32x4.mul(halfOf, f32x4.mul(w, w)));
        const ofDropped = f32x4.sub(f32x4.mul(w, value), f32x4.mul(margin, f32x4.abs(w)));
        least = f32x4.add(least, f32x4.mul(weight, v128.bitselect(ofKept, ofDropped, kept)));
        own += 16;
        left += 16;
      }
    }
    unmirror(row);
    primal += <f64>sumOf(data) + <f64>lambda * <f64>sumOf(variation);
    dual += <f64>sumOf(least);
  }
}

function sumOf(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3)
  );
}
