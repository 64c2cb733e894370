import type { DistanceNorm } from './norms.ts';

/**
 * Shortest displacement d in a norm from an image x to the hyperplane w · (x + d) = w · x + `gap` within the box: 0 ≤
 * x + d ≤ 1 (Croce and Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary attack",
 * section 2.2). If the box does not reach the hyperplane, d goes to the point of the box nearest to it.
 *
 * By the conditions of Karush, Kuhn and Tucker each coordinate moves towards the hyperplane by min(λ σ_i, room_i), with
 * σ_i = |w_i| in L2 and 1 in L∞, where room_i is what the box leaves. The progress Σ |w_i| min(λ σ_i, room_i) is
 * concave and piecewise linear in λ, so Newton's method from 0 reaches its solution from below in finitely many
 * steps, without sorting. In L1 the coordinates with the steepest slopes are used up first.
 */
export function toHyperplane(
  image: Float32Array,
  w: Float32Array,
  gap: number,
  norm: DistanceNorm,
): Float32Array {
  const size = image.length;
  const d = new Float32Array(size);
  const toward = gap < 0 ? -1 : 1;
  const needed = Math.abs(gap);
  if (needed === 0 || Number.isNaN(needed)) return d;
  const rooms = new Float64Array(size);
  for (let at = 0; at < size; at++) {
    const slope = toward * w[at]!;
    rooms[at] = slope > 0 ? 1 - image[at]! : slope < 0 ? image[at]! : 0;
  }
  const lengths = norm === 'l1' ? steepestFirst(w, rooms, needed) : byMultiplier(w, rooms, needed, norm);
  for (let at = 0; at < size; at++) d[at] = toward * w[at]! < 0 ? -lengths[at]! : lengths[at]!;
  return d;
}

function byMultiplier(
  w: Float32Array,
  rooms: Float64Array,
  needed: number,
  norm: 'linf' | 'l2',
): Float64Array {
  const isEuclidean = norm === 'l2';
  let lambda = 0;
  // Each step uses up at least one coordinate or is the last one.
  for (let round = 0; round <= w.length; round++) {
    let used = 0;
    let rate = 0;
    for (let at = 0; at < w.length; at++) {
      const slope = Math.abs(w[at]!);
      const pace = isEuclidean ? slope : 1;
      const room = rooms[at]!;
      if (lambda * pace < room) rate += slope * pace;
      else used += slope * room;
    }
    if (rate === 0) {
      lambda = Infinity;
      break;
    }
    const next = (needed - used) / rate;
    // Rounding may stop the progress; λ never falls.
    if (!(next > lambda)) break;
    lambda = next;
  }
  return rooms.map((room, at) => {
    const slope = Math.abs(w[at]!);
    if (slope === 0) return 0;
    return lambda === Infinity ? room : Math.min(room, lambda * (isEuclidean ? slope : 1));
  });
}

function steepestFirst(w: Float32Array, rooms: Float64Array, needed: number): Float64Array {
  const order = Int32Array.from(w.keys()).sort((a, b) => Math.abs(w[b]!) - Math.abs(w[a]!) || a - b);
  const lengths = new Float64Array(w.length);
  let left = needed;
  for (const at of order) {
    const slope = Math.abs(w[at]!);
    if (left <= 0 || slope === 0) break;
    lengths[at] = Math.min(rooms[at]!, left / slope);
    left -= slope * lengths[at];
  }
  return lengths;
}
