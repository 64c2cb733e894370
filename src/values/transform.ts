import type { JsonObject } from './json.ts';

/**
 * The recipe of a defense as plain data, so that training can draw it afresh each epoch and an adaptive attack can go
 * through it. `steps` are applied in order; an empty list is the identity.
 */
export interface Transform {
  readonly kind: 'transform';
  readonly steps: readonly TransformStep[];
}

export interface TransformStep {
  /** Second half of the defense's `uses`: `bit-depth`, `jpeg`. */
  readonly name: string;
  readonly params: JsonObject;
}
