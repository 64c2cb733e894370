import type { Seed } from '../tensors/random.ts';

export type PixelShape = readonly [rows: number, height: number, width: number, channels: number];
/** Floats in [0, 1], or bytes, each of which stands for value / 255. */
export type Pixels = Float32Array | Uint8Array;

/**
 * A defense: what it does to images, independently of the stage that declares it. Its own stage applies it,
 * predictions apply it on the fly, training applies it afresh in each epoch, and attacks go through it.
 */
export interface Defense<P> {
  /**
   * One draw of the defense for each row of `pixels`, `[rows, height, width, channels]` in [0, 1]. The result
   * has the same shape. Each row is transformed independently of the others. Does not modify its argument.
   */
  readonly apply: (
    pixels: Float32Array,
    shape: PixelShape,
    params: P,
    draw: Draw,
  ) => Pixels | Promise<Pixels>;
  /**
   * Gradient with respect to `input`, from the `gradient` of a loss with respect to the result of `apply` for
   * the same draw; same layout. The backward pass of an attack uses it. If absent, the identity is used
   * instead (BPDA, Athalye, Carlini and Wagner 2018, section 4.1).
   */
  readonly pullBack?: (
    gradient: Float32Array,
    input: Float32Array,
    shape: PixelShape,
    params: P,
    draw: Draw,
  ) => Float32Array;
  /** Returns why the defense cannot take images of this shape; null if it can. */
  readonly check?: (shape: PixelShape, params: P) => DefenseProblem | null;
}

/** Why a defense cannot take images: what is wrong, then what to do. */
export interface DefenseProblem {
  readonly message: string;
  readonly fix: string;
}

/** Randomness of a defense: the same seed, draw and image id give the same result in any batch. */
export interface Draw {
  readonly seed: Seed;
  /** Index of the draw, each of which is independent: the view, the epoch, or the step of an attack. */
  readonly draw: number;
  /** Dataset index of each row, `[rows]`. */
  readonly ids: Int32Array;
  readonly signal?: AbortSignal;
  /** Slow defenses call it after each row. */
  readonly onRow?: () => void;
  /** An iterative defense reports through it, once for each image, how near to its optimum it came. */
  readonly onSolved?: (id: number, progress: SolverProgress) => void;
}

/** How an iterative defense ended on one image. */
export interface SolverProgress {
  /** Relative distance to the minimum; null if the solver has no bound on it. */
  readonly gap: number | null;
  /** False if the solver stopped at its iteration limit. */
  readonly converged: boolean;
}

/** A defense as its stage declares it: what planning needs, and how to load the rest. */
export interface DefenseDeclaration<P> {
  /**
   * Number of views that a randomised defense makes of each image; null if it draws nothing with these
   * parameters.
   */
  readonly views: (params: P) => number | null;
  readonly load: () => Defense<P> | Promise<Defense<P>>;
}

/** Finds the defense of a recipe's step by its name; undefined if the name is unknown. */
export type DefenseLibrary = (name: string) => DefenseDeclaration<never> | undefined;
