/**
 * The problem of `tv: groups`: the total variation as equation 7 of Guo et al. 2018 prints it. For one channel f and the
 * pixels m that were kept,
 *
 *   minimise over u   ½ Σ m (u − f)² + λ (Σᵢ ‖u(i, :) − u(i − 1, :)‖₂ + Σⱼ ‖u(:, j) − u(:, j − 1)‖₂)
 *
 * The norms are those of the differences of whole rows and of whole columns. Channels are independent.
 */
import type { Channel } from './problem.ts';

/** Euclidean norms of the differences of neighbouring rows, `[height − 1]`, and columns, `[width − 1]`. */
export interface GroupNorms {
  readonly rows: Float64Array;
  readonly columns: Float64Array;
}

export function groupNorms(u: Float64Array, height: number, width: number): GroupNorms {
  const rows = new Float64Array(Math.max(0, height - 1));
  const columns = new Float64Array(Math.max(0, width - 1));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = u[y * width + x]!;
      if (y < height - 1) rows[y]! += (u[(y + 1) * width + x]! - value) ** 2;
      if (x < width - 1) columns[x]! += (u[y * width + x + 1]! - value) ** 2;
    }
  }
  return { rows: rows.map(Math.sqrt), columns: columns.map(Math.sqrt) };
}

/** The objective ½ Σ m (u − f)² + λ TV(u). */
export function groupObjective(channel: Channel, u: Float64Array, lambda: number): number {
  const { height, width } = channel;
  const { rows, columns } = groupNorms(u, height, width);
  return dataTerm(channel, u) + lambda * (sum(rows) + sum(columns));
}

export function dataTerm({ target }: Channel, u: Float64Array): number {
  let data = 0;
  for (let i = 0; i < target.length; i++) if (target[i]! >= 0) data += 0.5 * (u[i]! - target[i]!) ** 2;
  return data;
}

/**
 * Lower bound on the objective of every image in [0, 1], from w = ∇ᵀp of any field p whose groups have norms of at most λ:
 * Σ min over u in [0, 1] of ½ m (u − f)² + wu. (Fenchel duality; some minimiser is in [0, 1], because cutting u to it moves no
 * two pixels apart, and so raises no norm.)
 */
export function groupBound({ target }: Channel, w: Float64Array): number {
  let bound = 0;
  for (let i = 0; i < target.length; i++) {
    if (target[i]! < 0) {
      bound += Math.min(0, w[i]!);
    } else {
      const best = Math.min(1, Math.max(0, target[i]! - w[i]!));
      bound += 0.5 * (best - target[i]!) ** 2 + w[i]! * best;
    }
  }
  return bound;
}

export function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
