/** The knob that reaches a target strength, found by a search that is told the strength at each knob it asks for. */
export type KnobSearch = Generator<number, KnobResult, number>;

export type KnobResult =
  /** The last knob that was asked for is within the tolerance. */
  | { readonly status: 'reached'; readonly knob: number }
  /** The strength jumps over the target: `knob` gives `strength` above it, and a hair less gives one below. */
  | { readonly status: 'jump'; readonly knob: number; readonly strength: number }
  /** Even the largest knob stays below; `greatest` is the largest strength seen. */
  | { readonly status: 'unreachable'; readonly greatest: number };

export interface KnobSearchOptions {
  readonly target: number;
  /** Accepted relative deviation from the target. */
  readonly tolerance: number;
  /** First knob to try. */
  readonly start: number;
  readonly maximum: number;
  /** Knobs to try between two that lie on either side of the target. */
  readonly refinements: number;
}

/**
 * Grows the knob until the strength passes the target, then closes in by regula falsi with the Illinois modification (Dowell and Jarratt
 * 1971). Strength is 0 at knob 0. Only the bracket is relied on, so a strength that is not monotone costs evaluations, never correctness.
 */
export function* searchKnob(options: KnobSearchOptions): KnobSearch {
  const { target, tolerance, maximum } = options;
  const reached = (strength: number): boolean => Math.abs(strength - target) <= tolerance * target;
  let knob = Math.min(options.start, maximum);
  let low = { knob: 0, excess: -target };
  let greatest = 0;
  let grown = false;
  let strength: number;
  for (;;) {
    strength = yield knob;
    if (reached(strength)) return { status: 'reached', knob };
    if (strength > target) break;
    greatest = Math.max(greatest, strength);
    low = { knob, excess: strength - target };
    if (knob >= maximum) return { status: 'unreachable', greatest };
    // Proportional at first, because strength nearly is; then a little more, so that the target comes to lie between.
    const growth = ((grown ? 1.05 : 1) * target) / strength;
    knob = Math.min(maximum, knob * Math.min(6, Math.max(grown ? 1.1 : 1, growth)));
    grown = true;
  }
  let high = { knob, excess: strength - target };
  let jump = { knob, strength };
  let lastSide = 0;
  for (let round = 0; round < options.refinements; round++) {
    const width = high.knob - low.knob;
    const secant = low.knob - (low.excess * width) / (high.excess - low.excess);
    knob = Math.min(high.knob - 0.01 * width, Math.max(low.knob + 0.01 * width, secant));
    strength = yield knob;
    if (reached(strength)) return { status: 'reached', knob };
    const side = strength > target ? 1 : -1;
    if (side > 0) {
      high = { knob, excess: strength - target };
      jump = { knob, strength };
      if (lastSide > 0) low = { ...low, excess: low.excess / 2 };
    } else {
      low = { knob, excess: strength - target };
      if (lastSide < 0) high = { ...high, excess: high.excess / 2 };
    }
    lastSide = side;
  }
  return { status: 'jump', ...jump };
}

/** No knob of the attack reaches the target strength. */
export class UnreachableTargetError extends Error {
  override readonly name = 'UnreachableTargetError';
  readonly target: number;
  /** The largest dissimilarity that the attack reaches. */
  readonly greatest: number;
  /** The image that cannot be moved so far; null where the mean over the set cannot. */
  readonly row: number | null;
  constructor(target: number, greatest: number, row: number | null) {
    super(`a dissimilarity of ${target} cannot be reached: the largest is ${greatest}`);
    this.target = target;
    this.greatest = greatest;
    this.row = row;
  }
}
