/**
 * Total variation minimisation, the problem (Guo et al. 2018, equation 6, after Rudin, Osher and Fatemi 1992): for one
 * channel f and the pixels m that were kept,
 *
 *   minimise over u   ½ Σ m (u − f)² + λ Σ |∇u|
 *
 * with forward differences that are zero at the last row and column, and |·| the Euclidean norm (isotropic) or the sum of the
 * absolute values (anisotropic). Channels do not see each other.
 */

export interface TotalVariation {
  readonly lambda: number;
  readonly tv: 'isotropic' | 'anisotropic';
}

/** One channel: row-major `[height, width]` pixels in [0, 1], −1 where the pixel was dropped. */
export interface Channel {
  readonly height: number;
  readonly width: number;
  readonly target: Float64Array;
}

/** When to stop: at a relative gap of `tolerance`, or after `limit` iterations. */
export interface Stopping {
  readonly tolerance: number;
  readonly limit: number;
}

/** How the solution was reached. */
export interface Progress {
  /** Objective of u, before u is cut to [0, 1], which never raises it. */
  readonly objective: number;
  /** (objective − bound) / objective, where no image has an objective under the bound; 0 where the objective is 0. */
  readonly gap: number;
  readonly iterations: number;
  /** False where the iteration limit came before the tolerance. */
  readonly converged: boolean;
}

/**
 * Progress at an objective and a bound on the least one. What is left counts as nothing at `tolerance` of the objective, or at `floor`, which is
 * absolute.
 */
export function progressOf(
  objective: number,
  bound: number,
  iterations: number,
  { tolerance, floor }: { readonly tolerance: number; readonly floor: number },
): Progress {
  const left = Math.max(0, objective - bound);
  const gap = objective > 0 ? left / objective : 0;
  return { objective, gap, iterations, converged: gap <= tolerance || left <= floor };
}

/** What is left to win a pixel, in units of λ, that counts as nothing: twenty thousandths of a grey level of gradient. */
export const negligible = 2e-7;

/**
 * What a dropped pixel may yet win where w = ∇ᵀp is not 0 there, as a true bound would need: it has yet to move, by about w over the curvature
 * of the variation around it, so |w| · (softness · |w| / (λ Σ 1 / (|∇u| + leastSlope)) + reach / share of kept pixels). The sum is over the
 * gradients that the pixel is in. Tuned on photographs, so that the gap is seldom too small; `bound.as.ts` has the same numbers.
 */
export const droppedPixels = { softness: 6.7, leastSlope: 3e-3, reach: 8e-4 } as const;

/** ½ Σ m (u − f)² + λ TV(u). */
export function objectiveOf(
  { height, width, target }: Channel,
  u: Float64Array,
  { lambda, tv }: TotalVariation,
): number {
  let data = 0;
  let variation = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const dx = x < width - 1 ? u[i + 1]! - u[i]! : 0;
      const dy = y < height - 1 ? u[i + width]! - u[i]! : 0;
      variation += tv === 'isotropic' ? Math.hypot(dx, dy) : Math.abs(dx) + Math.abs(dy);
      if (target[i]! >= 0) data += 0.5 * (u[i]! - target[i]!) ** 2;
    }
  }
  return data + lambda * variation;
}

/**
 * No image in [0, 1] has an objective below this, for any field p with |p| ≤ λ everywhere: Σ min over u in [0, 1] of
 * ½ m (u − f)² + wu, where w = ∇ᵀp. (Fenchel duality; some minimiser lies in [0, 1], for cutting u to it raises nothing.)
 */
export function lowerBound({ height, width, target }: Channel, px: Float64Array, py: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < height * width; i++) {
    const w = transposedGradient(px, py, i, width);
    if (target[i]! < 0) {
      sum += Math.min(0, w);
    } else {
      const best = Math.min(1, Math.max(0, target[i]! - w));
      sum += 0.5 * (best - target[i]!) ** 2 + w * best;
    }
  }
  return sum;
}

/** (∇ᵀp)ᵢ, for p that is zero where ∇ is. */
export function transposedGradient(px: Float64Array, py: Float64Array, i: number, width: number): number {
  const left = i % width > 0 ? px[i - 1]! : 0;
  const above = i >= width ? py[i - width]! : 0;
  return left - px[i]! + above - py[i]!;
}

/** Kept pixels as they are; a dropped one the 3×3 mean (weights 1 2 1) of the kept around it, ½ where there are none. */
export function startOf({ height, width, target }: Channel): Float64Array {
  return target.map((value, i) => {
    if (value >= 0) return value;
    const [row, column] = [Math.floor(i / width), i % width];
    let sum = 0;
    let weights = 0;
    for (let y = Math.max(0, row - 1); y <= Math.min(height - 1, row + 1); y++) {
      for (let x = Math.max(0, column - 1); x <= Math.min(width - 1, column + 1); x++) {
        const kept = target[y * width + x]!;
        if (kept < 0) continue;
        const weight = (2 - Math.abs(y - row)) * (2 - Math.abs(x - column));
        sum += weight * kept;
        weights += weight;
      }
    }
    return weights > 0 ? sum / weights : 0.5;
  });
}
