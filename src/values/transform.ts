import type { JsonObject } from './json.ts';
import type { Patches } from './patches.ts';

/**
 * The recipe of a defense as plain data, so that training can draw it afresh each epoch and an adaptive attack can go
 * through it. `steps` are applied in order; an empty list is the identity.
 */
export interface Transform {
  readonly kind: 'transform';
  readonly steps: readonly TransformStep[];
  /**
   * Key of the draws of a randomised defense: 64 bits from the pipeline's seed and the id of the stage that made the recipe.
   * As part of the value it is in the key of everything that applies it. Who applies it to judge it takes the seed as it is;
   * attacks and training take a seed of their own from it (`seedFor` in `defenses/apply.ts`).
   */
  readonly seed?: readonly [high: number, low: number];
}

export interface TransformStep {
  /** Second half of the defense's `uses`: `bit-depth`, `jpeg`. */
  readonly name: string;
  readonly params: JsonObject;
  /** The database of image quilting: with it the recipe can be applied anywhere. */
  readonly patches?: Patches;
  /** Version of the stage type that made it, and of the packages that decide its numbers: a new version is another recipe. */
  readonly version?: number;
  readonly libraries?: Readonly<Record<string, string>>;
}
