/**
 * A search for the strength that reaches a target dissimilarity. It yields a strength and receives the
 * dissimilarity at it.
 */
export type StrengthSearch = Generator<number, SearchResult, number>;

export type SearchResult =
  /** The last strength that was tried is within the tolerance. */
  | { readonly status: 'reached'; readonly strength: number }
  /**
   * The dissimilarity jumps over the target: it is above the target at `strength`, and below it at a strength
   * that is hardly smaller.
   */
  | { readonly status: 'jump'; readonly strength: number; readonly dissimilarity: number }
  /** Even the largest strength stays below the target; `greatest` is the largest dissimilarity seen. */
  | { readonly status: 'unreachable'; readonly greatest: number };

export interface StrengthSearchOptions {
  readonly target: number;
  /** Accepted relative deviation from the target. */
  readonly tolerance: number;
  /** First strength to try. */
  readonly start: number;
  readonly maximum: number;
  /** Most strengths to try between two that bracket the target. */
  readonly refinements: number;
}

/**
 * Most strengths to try before one that passes the target. Each is at least 1.1 times the one before, so a
 * search gets there from any reasonable guess, and ends from any other.
 */
const mostGrowth = 1000;

/**
 * Increases the strength until the dissimilarity passes the target, then closes in by regula falsi with the
 * Illinois modification (Dowell and Jarratt 1971). The dissimilarity at strength 0 must be 0. The search
 * relies on the bracket alone, so a dissimilarity that is not monotone costs evaluations but never
 * correctness. Throws `RangeError` if a dissimilarity is not a finite number.
 */
export function* searchStrength(options: StrengthSearchOptions): StrengthSearch {
  const { target, tolerance, maximum } = options;
  // A guess of 0 would never grow, and a guess that is not a number would never be compared.
  let strength = options.start > 0 ? Math.min(options.start, maximum) : maximum;
  let low = { strength: 0, excess: -target };
  let greatest = 0;
  let hasGrown = false;
  let dissimilarity: number;
  for (let round = 0; ; round++) {
    dissimilarity = measured(yield strength);
    if (isWithin(dissimilarity, target, tolerance)) return { status: 'reached', strength };
    if (dissimilarity > target) break;
    greatest = Math.max(greatest, dissimilarity);
    low = { strength, excess: dissimilarity - target };
    if (!(strength < maximum) || round === mostGrowth) return { status: 'unreachable', greatest };
    // The first step is proportional, because the dissimilarity nearly is; later ones are slightly larger, so
    // that the target is bracketed.
    const growth = ((hasGrown ? 1.05 : 1) * target) / dissimilarity;
    strength = Math.min(maximum, strength * Math.min(6, Math.max(hasGrown ? 1.1 : 1, growth)));
    hasGrown = true;
  }
  let high = { strength, excess: dissimilarity - target };
  let jump = { strength, dissimilarity };
  let lastSide = 0;
  for (let round = 0; round < options.refinements; round++) {
    const width = high.strength - low.strength;
    const secant = low.strength - (low.excess * width) / (high.excess - low.excess);
    strength = Math.min(high.strength - 0.01 * width, Math.max(low.strength + 0.01 * width, secant));
    dissimilarity = measured(yield strength);
    if (isWithin(dissimilarity, target, tolerance)) return { status: 'reached', strength };
    const side = dissimilarity > target ? 1 : -1;
    if (side > 0) {
      high = { strength, excess: dissimilarity - target };
      jump = { strength, dissimilarity };
      if (lastSide > 0) low = { ...low, excess: low.excess / 2 };
    } else {
      low = { strength, excess: dissimilarity - target };
      if (lastSide < 0) high = { ...high, excess: high.excess / 2 };
    }
    lastSide = side;
  }
  return { status: 'jump', ...jump };
}

/** Whether a dissimilarity is the target but for the relative tolerance. */
export function isWithin(dissimilarity: number, target: number, tolerance: number): boolean {
  return Math.abs(dissimilarity - target) <= tolerance * target;
}

/** Whatever is compared with NaN is false, so a search that went on would never end. */
function measured(dissimilarity: number): number {
  if (Number.isFinite(dissimilarity)) return dissimilarity;
  throw new RangeError(
    `the dissimilarity of an image is ${dissimilarity}, so no strength can be searched for`,
  );
}

/** No strength of the attack reaches the target dissimilarity. */
export class UnreachableTargetError extends Error {
  override readonly name = 'UnreachableTargetError';
  readonly target: number;
  /** The largest dissimilarity that the attack reaches. */
  readonly greatest: number;
  /** Id of the image that cannot be moved that far; null if the target is a mean over the set. */
  readonly image: number | null;
  constructor(target: number, greatest: number, image: number | null) {
    super(`a dissimilarity of ${target} cannot be reached: the largest is ${greatest}`);
    this.target = target;
    this.greatest = greatest;
    this.image = image;
  }
}

/** An original has norm 0 in the space of the target, so its dissimilarity is undefined. */
export class UndefinedDissimilarityError extends Error {
  override readonly name = 'UndefinedDissimilarityError';
  /** Id of the image. */
  readonly image: number;
  constructor(image: number) {
    super(`the dissimilarity of the image with id ${image} is undefined: its norm is 0`);
    this.image = image;
  }
}
