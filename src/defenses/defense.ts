import type { Seed } from '../tensors/random.ts';

export type PixelShape = readonly [rows: number, height: number, width: number, channels: number];
/** Floats in [0, 1], or bytes that stand for value / 255. */
export type Pixels = Float32Array | Uint8Array;

/**
 * A defense: what it does to images, apart from the stage that offers it. It is applied by its own stage, by predictions on the fly, by
 * trainings afresh in each epoch, and by attacks that go through it.
 */
export interface Defense<P> {
  /**
   * One draw of the defense for each row of `pixels`, `[rows, height, width, channels]` in [0, 1]. The result has the same shape. A row is
   * transformed by itself: no other row may change it. Leaves its argument as it is.
   */
  readonly apply: (
    pixels: Float32Array,
    shape: PixelShape,
    params: P,
    draw: Draw,
  ) => Pixels | Promise<Pixels>;
  /**
   * Gradient with respect to `input`, from the `gradient` of a loss with respect to what `apply` made of it with the same draw; same layout. The backward
   * pass of an attack follows it. Without one the identity takes its place (BPDA, Athalye, Carlini and Wagner 2018, section 4.1).
   */
  readonly pullBack?: (
    gradient: Float32Array,
    input: Float32Array,
    shape: PixelShape,
    params: P,
    draw: Draw,
  ) => Float32Array;
  /** What keeps the defense from images of this shape; null if it takes them. */
  readonly check?: (shape: PixelShape, params: P) => DefenseProblem | null;
}

/** Why a defense cannot take images: what is wrong, then what to do. */
export interface DefenseProblem {
  readonly message: string;
  readonly fix: string;
}

/** What a randomised defense draws from: the same seed, draw and image id give the same result in any batch. */
export interface Draw {
  readonly seed: Seed;
  /** Which of the independent draws: the number of the view, the epoch, or the step of an attack. */
  readonly draw: number;
  /** Dataset index of each row, `[rows]`. */
  readonly ids: Int32Array;
  readonly signal?: AbortSignal;
  /** Slow defenses call it after each row. */
  readonly onRow?: () => void;
  /** An iterative defense reports how near to its optimum it came, once for each image. */
  readonly onSolved?: (id: number, progress: SolverProgress) => void;
}

/** How an iterative defense ended on one image. */
export interface SolverProgress {
  /** Relative distance to the minimum; null if the solver has no bound for it. */
  readonly gap: number | null;
  /** False if the iteration limit came first. */
  readonly converged: boolean;
}

/** A defense as its stage declares it: what planning needs to know, and where the rest is. */
export interface DefenseDeclaration<P> {
  /** The number of views that a randomised defense makes of each image; null if it draws nothing with these parameters. */
  readonly views: (params: P) => number | null;
  readonly load: () => Defense<P> | Promise<Defense<P>>;
}

/** How the steps of a recipe are found, by name; undefined for a name that is not known. */
export type DefenseLibrary = (name: string) => DefenseDeclaration<never> | undefined;
