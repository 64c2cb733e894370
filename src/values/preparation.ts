/**
 * Result of an attack on images before it knows its strength. The cells of a sweep over strengths share it,
 * and so do later runs.
 */
export interface Preparation {
  readonly kind: 'preparation';
  /**
   * Row-major `[count, height, width, channels]`: unclipped displacement of each pixel at strength 1, by the whole
   * attack or by its first step. Signs are bytes.
   */
  readonly displacement: Float32Array | Int8Array;
  readonly shape: readonly [count: number, height: number, width: number, channels: number];
  /** Class that the attacked model predicts for each original, `[count]`. */
  readonly initial: Int32Array;
  /** State of each original, `[count]`, as an index into `imageStates`. */
  readonly states: Uint8Array;
  /** 1 for an image whose gradient is exactly zero at the start of the attack, `[count]`. */
  readonly flat: Uint8Array;
  /** Class that a targeted attack aims at, `[count]`; absent for other attacks. */
  readonly target?: Int32Array;
  /** See `Images.ids`. */
  readonly ids: Int32Array;
}

/**
 * `active`: the attack may move the image. `at-goal`: the original already reaches the goal, so the attack
 * leaves it unchanged. `non-finite`: the logits of the original are not finite, so no attack moves it.
 */
export const imageStates = ['active', 'at-goal', 'non-finite'] as const;
export type ImageState = (typeof imageStates)[number];
