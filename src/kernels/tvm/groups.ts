/**
 * Solves `tv: groups` by reweighted least squares. Each norm ‖d‖ is replaced by the parabola ½ ‖d‖² / n + ½ n that touches it
 * from above at the norm n of the last image, which leaves a linear system with one weight for each pair of rows and each
 * pair of columns; conjugate gradients solve it. No step raises the objective (Hunter and Lange 2004, "A tutorial on MM
 * algorithms").
 *
 * It ends on a bound that holds for every image: the field p = λ ∇u / n of the new image is scaled down until each of its
 * groups is at most λ. At dropped pixels its divergence is the residual of the linear system, so the bound is near the
 * minimum there too, which it is not for the fields of primal-dual iterations.
 */
import { dataTerm, groupBound, groupNorms, type GroupNorms, sum } from './groups-problem.ts';
import { type Channel, negligible, type Progress, progressOf, startOf, type Stopping } from './problem.ts';

/**
 * Conjugate gradients end at this share of the distance to the bound, or of the tolerance once that is reached. Smaller shares
 * solve exactly what the next weights change anyhow.
 */
const residualShare = 0.25;
const mostLinearSteps = 500;

/**
 * Minimises over one channel until (objective − bound) ≤ tolerance · objective, or until `limit` linear systems were
 * solved. `u` is in [0, 1].
 */
export function minimiseGroups(
  channel: Channel,
  lambda: number,
  { tolerance, limit }: Stopping,
): { readonly u: Float64Array; readonly progress: Progress } {
  const { height, width } = channel;
  const count = height * width;
  const groups = Math.max(1, height + width - 2);
  const floor = negligible * lambda * count * Math.min(1, tolerance / 1e-3);
  const system = new WeightedSystem(channel);
  const u = startOf(channel);
  let norms = groupNorms(u, height, width);
  let objective = dataTerm(channel, u) + lambda * (sum(norms.rows) + sum(norms.columns));
  let missing = objective;
  for (let iteration = 0; ; iteration++) {
    const left = Math.max(tolerance * objective, floor);
    // Norms below it count as it, which costs at most half of it in each group: a quarter of what is left.
    const leastNorm = left / (2 * Math.max(lambda, Number.MIN_VALUE) * groups);
    system.reweight(norms, lambda, leastNorm);
    system.solve(u, (residualShare * Math.max(left, missing)) / count);
    norms = groupNorms(u, height, width);
    objective = dataTerm(channel, u) + lambda * (sum(norms.rows) + sum(norms.columns));
    const bound = system.bound(u, norms, lambda);
    const progress = progressOf(objective, bound, iteration + 1, { tolerance, floor });
    missing = objective - bound;
    if (progress.converged || iteration + 1 >= limit) {
      return { u: u.map((value) => Math.min(1, Math.max(0, value))), progress };
    }
  }
}

/** The linear system (m + ∇ᵀ W ∇) u = m f, with a weight for each pair of rows and each pair of columns. */
class WeightedSystem {
  readonly #channel: Channel;
  readonly #rows: Float64Array;
  readonly #columns: Float64Array;
  readonly #diagonal: Float64Array;
  readonly #residual: Float64Array;
  readonly #direction: Float64Array;
  readonly #product: Float64Array;

  constructor(channel: Channel) {
    const { height, width } = channel;
    this.#channel = channel;
    this.#rows = new Float64Array(Math.max(0, height - 1));
    this.#columns = new Float64Array(Math.max(0, width - 1));
    this.#diagonal = new Float64Array(height * width);
    this.#residual = new Float64Array(height * width);
    this.#direction = new Float64Array(height * width);
    this.#product = new Float64Array(height * width);
  }

  reweight(norms: GroupNorms, lambda: number, leastNorm: number): void {
    const { height, width, target } = this.#channel;
    const weight = (norm: number): number => (lambda === 0 ? 0 : lambda / Math.max(norm, leastNorm));
    norms.rows.forEach((norm, y) => (this.#rows[y] = weight(norm)));
    norms.columns.forEach((norm, x) => (this.#columns[x] = weight(norm)));
    for (let y = 0; y < height; y++) {
      const vertical = (this.#rows[y - 1] ?? 0) + (this.#rows[y] ?? 0);
      for (let x = 0; x < width; x++) {
        const i = y * width + x;
        const horizontal = (this.#columns[x - 1] ?? 0) + (this.#columns[x] ?? 0);
        this.#diagonal[i] = (target[i]! < 0 ? 0 : 1) + vertical + horizontal;
      }
    }
  }

  /**
   * Conjugate gradients with the diagonal as preconditioner, from `u` on and into `u`, until the mean absolute residual is
   * at most `tolerance`.
   */
  solve(u: Float64Array, tolerance: number): void {
    const { target } = this.#channel;
    const [residual, direction, product, diagonal] = [
      this.#residual,
      this.#direction,
      this.#product,
      this.#diagonal,
    ];
    const count = u.length;
    this.#multiply(u, product);
    let weighted = 0;
    let total = 0;
    for (let i = 0; i < count; i++) {
      const r = (target[i]! < 0 ? 0 : target[i]!) - product[i]!;
      residual[i] = r;
      // A dropped pixel without a neighbour (λ = 0) is in no equation.
      direction[i] = diagonal[i]! > 0 ? r / diagonal[i]! : 0;
      weighted += r * direction[i]!;
      total += Math.abs(r);
    }
    for (let step = 0; step < mostLinearSteps && total > tolerance * count && weighted > 0; step++) {
      const curvature = this.#multiply(direction, product);
      const length = weighted / curvature;
      let next = 0;
      total = 0;
      for (let i = 0; i < count; i++) {
        u[i]! += length * direction[i]!;
        const r = residual[i]! - length * product[i]!;
        residual[i] = r;
        if (diagonal[i]! > 0) next += (r * r) / diagonal[i]!;
        total += Math.abs(r);
      }
      const share = next / weighted;
      weighted = next;
      for (let i = 0; i < count; i++) {
        direction[i] = (diagonal[i]! > 0 ? residual[i]! / diagonal[i]! : 0) + share * direction[i]!;
      }
    }
  }

  /**
   * Lower bound on the objective of every image in [0, 1], from the field p = W ∇u. Groups of p with a norm above λ are
   * shrunk: the largest ones by themselves, which costs at the dropped pixels beside them, and then all together, which costs
   * everywhere. The best of a few divisions counts. `norms` are those of u.
   */
  bound(u: Float64Array, norms: GroupNorms, lambda: number): number {
    const ratios = [
      ...norms.rows.map((norm, y) => (this.#rows[y]! * norm) / lambda),
      ...norms.columns.map((norm, x) => (this.#columns[x]! * norm) / lambda),
    ].sort((a, b) => b - a);
    const levels = new Set([0, 1, 4, 16].map((place) => Math.max(1, ratios[place] ?? 1)));
    const weights = [this.#rows.slice(), this.#columns.slice()] as const;
    let best = -Infinity;
    for (const level of levels) {
      // A group of norm ratio · λ becomes one of min(ratio, level) / level · λ.
      const shrink = (weight: number, norm: number): number =>
        weight / Math.max(level, lambda === 0 ? 1 : (weight * norm) / lambda);
      weights[0].forEach((weight, y) => (this.#rows[y] = shrink(weight, norms.rows[y]!)));
      weights[1].forEach((weight, x) => (this.#columns[x] = shrink(weight, norms.columns[x]!)));
      best = Math.max(best, groupBound(this.#channel, this.#divergence(u)));
    }
    this.#rows.set(weights[0]);
    this.#columns.set(weights[1]);
    return best;
  }

  /** ∇ᵀ W ∇ u. */
  #divergence(u: Float64Array): Float64Array {
    const { target } = this.#channel;
    this.#multiply(u, this.#product);
    return this.#product.map((value, i) => (target[i]! < 0 ? value : value - u[i]!));
  }

  /** result = (m + ∇ᵀ W ∇) v. Returns vᵀ · result. */
  #multiply(v: Float64Array, result: Float64Array): number {
    const { height, width, target } = this.#channel;
    const columns = this.#columns;
    let product = 0;
    for (let y = 0; y < height; y++) {
      const above = y > 0 ? this.#rows[y - 1]! : 0;
      const below = y < height - 1 ? this.#rows[y]! : 0;
      const first = y * width;
      // At the border the weight is 0, and the index is kept inside.
      const up = y > 0 ? width : 0;
      const down = y < height - 1 ? width : 0;
      let left = 0;
      for (let x = 0; x < width; x++) {
        const i = first + x;
        const value = v[i]!;
        const right = x < width - 1 ? columns[x]! * (value - v[i + 1]!) : 0;
        const own = target[i]! < 0 ? 0 : value;
        const total = own + above * (value - v[i - up]!) + below * (value - v[i + down]!) + right - left;
        left = right;
        result[i] = total;
        product += value * total;
      }
    }
    return product;
  }
}
