import type { JsonObject } from './json.ts';
import type { Patches } from './patches.ts';

/**
 * The recipe of a defense as plain data, so that training can apply it with new random draws in each epoch,
 * and an adaptive attack can differentiate through it. `steps` are applied in order; an empty list is the
 * identity.
 */
export interface Transform {
  readonly kind: 'transform';
  readonly steps: readonly TransformStep[];
  /**
   * Key of the draws of a randomised defense: 64 bits from the pipeline's seed and the id of the stage that
   * made the recipe. Because it is part of the value, it is in the cache key of everything that applies the
   * recipe. Evaluations take the seed as it is; attacks and training derive their own seed from it (`seedFor`
   * in `defenses/open-transform.ts`).
   */
  readonly seed?: readonly [high: number, low: number];
}

export interface TransformStep {
  /** Second half of the defense's `uses`: `bit-depth`, `jpeg`. */
  readonly name: string;
  readonly params: JsonObject;
  /** Patch database of image quilting; the recipe includes it, so that it can be applied anywhere. */
  readonly patches?: Patches;
  /**
   * Version of the stage type that made the step; with another version it is another recipe. `libraries` are
   * the versions of the packages that decide its numbers.
   */
  readonly version?: number;
  readonly libraries?: Readonly<Record<string, string>>;
}
