/**
 * Moves a perturbation in place to the nearest point (in L2) of those with ‖δ‖₁ ≤ ε and 0 ≤ x + δ ≤ 1, for an image x
 * in [0, 1] (Croce and Hein 2021, "Mind the box: l1-APGD for sparse adversarial attacks on image classifiers",
 * proposition 2.1): δ_i = sign(y_i) min(max(|y_i| − θ, 0), c_i), where c_i is the room that the box leaves in the
 * direction of y_i, and θ ≥ 0 is the smallest number for which ‖δ‖₁ ≤ ε.
 */
export function projectOntoBallInBox(delta: Float64Array, image: Float32Array, epsilon: number): void {
  const room = Float64Array.from(delta, (value, at) => (value > 0 ? 1 - image[at]! : image[at]!));
  const threshold = thresholdFor(delta, room, epsilon);
  for (let at = 0; at < delta.length; at++) {
    const value = delta[at]!;
    delta[at] = Math.sign(value) * Math.min(Math.max(Math.abs(value) - threshold, 0), room[at]!);
  }
}

/**
 * The smallest θ ≥ 0 with Σ min(max(|y_i| − θ, 0), c_i) ≤ ε. The sum falls with θ and is linear between the numbers
 * |y_i| and |y_i| − c_i. So Newton's method, kept within a bracket that is halved if it would leave it, ends at the
 * exact θ after a few rounds.
 */
function thresholdFor(delta: Float64Array, room: Float64Array, epsilon: number): number {
  let [low, high] = [0, 0];
  for (const value of delta) high = Math.max(high, Math.abs(value));
  let threshold = 0;
  for (let round = 0; round < 200; round++) {
    let sum = 0;
    let slope = 0;
    for (let at = 0; at < delta.length; at++) {
      const rest = Math.abs(delta[at]!) - threshold;
      if (rest <= 0) continue;
      const isAtEdge = rest > room[at]!;
      sum += isAtEdge ? room[at]! : rest;
      if (!isAtEdge) slope++;
    }
    const excess = sum - epsilon;
    if (Math.abs(excess) <= 1e-10 * epsilon || (round === 0 && excess <= 0)) return threshold;
    if (excess > 0) low = threshold;
    else high = threshold;
    if (high - low <= 1e-15 * high) break;
    const next = slope === 0 ? (low + high) / 2 : threshold + excess / slope;
    threshold = next > low && next < high ? next : (low + high) / 2;
  }
  return high;
}

/** Number of values of an image that a perturbation changed. */
export function countMoved(original: Float32Array, image: Float32Array): number {
  let count = 0;
  for (let at = 0; at < image.length; at++) if (image[at] !== original[at]) count++;
  return count;
}
