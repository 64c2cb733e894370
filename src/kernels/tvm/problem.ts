/**
 * The problem of total variation minimisation (Guo et al. 2018, equation 6, after Rudin, Osher and Fatemi
 * 1992). For one channel f and the pixels m that were kept,
 *
 *   minimise over u   ½ Σ m (u − f)² + λ Σ |∇u|
 *
 * with forward differences that are zero at the last row and column, and |·| the Euclidean norm (isotropic)
 * or the sum of the absolute values (anisotropic). Channels are independent.
 */

export interface TotalVariation {
  readonly lambda: number;
  readonly tv: 'isotropic' | 'anisotropic';
}

/** One channel: row-major `[height, width]` pixels in [0, 1], and −1 if the pixel was dropped. */
export interface Channel {
  readonly height: number;
  readonly width: number;
  readonly target: Float64Array;
}

/** Iterations stop at a relative gap of `tolerance`, or after `limit` of them. */
export interface Stopping {
  readonly tolerance: number;
  readonly limit: number;
}

/** How the solution was reached. */
export interface Progress {
  /** Objective of u before u is cut to [0, 1], which never raises it. */
  readonly objective: number;
  /**
   * (objective − bound) / objective, where `bound` is at most the objective of any image; 0 if the objective
   * is 0. With dropped pixels the kernels estimate the bound (`droppedPixels`), so that the distance to the
   * minimum can be larger than this.
   */
  readonly gap: number;
  readonly iterations: number;
  /** False if the iteration limit was reached before the tolerance. */
  readonly converged: boolean;
}

/**
 * Progress at an objective and a lower bound on the minimum. The rest of the way is negligible if it is at
 * most `tolerance` of the objective, or at most `floor`, which is absolute.
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

/**
 * Decrease of the objective per pixel, in units of λ, that is negligible: twenty thousandths of a grey level
 * of gradient.
 */
export const negligible = 2e-7;

/**
 * Heuristic estimate of how much the objective can still decrease at a dropped pixel where w = ∇ᵀp is not 0,
 * as a true bound would require. The pixel has yet to move by about |w| over the curvature of the variation
 * around it, which decreases the objective by
 *
 *   |w| · (softness · |w| / (λ Σ 1 / (|∇u| + leastSlope)) + reach / share of kept pixels)
 *
 * with the sum over the gradients that the pixel is part of. The constants were tuned on photographs, so that
 * the gap is seldom too small; `bound.as.ts` has the same numbers.
 */
export const droppedPixels = { softness: 6.7, leastSlope: 3e-3, reach: 8e-4 } as const;

/** The objective ½ Σ m (u − f)² + λ TV(u). */
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
 * Lower bound on the objective of every image in [0, 1], from any field p with |p| ≤ λ everywhere: Σ min over
 * u in [0, 1] of ½ m (u − f)² + wu, where w = ∇ᵀp. (Fenchel duality; some minimiser is in [0, 1], because
 * cutting u to it never raises the objective.)
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

/** (∇ᵀp)ᵢ for a field p that is zero where ∇ is zero. */
export function transposedGradient(px: Float64Array, py: Float64Array, i: number, width: number): number {
  const left = i % width > 0 ? px[i - 1]! : 0;
  const above = i >= width ? py[i - width]! : 0;
  return left - px[i]! + above - py[i]!;
}

/**
 * Starting point: kept pixels as they are, and dropped ones as the 3×3 mean (weights 1 2 1) of the kept
 * pixels around them, or ½ if there are none.
 */
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
