import type { MemberOutcomes } from '../values/images.ts';
import type { Preprocessing } from '../values/model.ts';
import type { DistanceNorm } from './norms.ts';
import type { AttackProblem } from './originals.ts';

/**
 * An attack with its options, without a model, images or a strength. The engine that runs it (`attackImages`)
 * classifies the originals, leaves images unchanged whose logits are not finite, searches for the strength
 * that reaches a target dissimilarity, and measures the result.
 */
export type Attack = DirectionAttack | IteratedAttack;

/** An attack that finds one direction for all strengths: x′ = clip(x + strength · direction, 0, 1). */
export interface DirectionAttack {
  readonly kind: 'direction';
  /** Largest strength that a search for a target dissimilarity tries. */
  readonly maximum: number;
  /** Unclipped displacement of each pixel at strength 1. Same layout as the pixels. */
  readonly direction: (problem: AttackProblem) => Promise<Float32Array | Int8Array>;
}

/** An attack whose steps depend on its strength. */
export interface IteratedAttack {
  readonly kind: 'iterated';
  /** Largest strength that a search for a target dissimilarity tries. */
  readonly maximum: number;
  /**
   * Norm in which the strength measures the perturbation; the search takes its first guess from it. L∞ if
   * absent.
   */
  readonly norm?: DistanceNorm;
  /** Overrides of the search's defaults. */
  readonly search?: Partial<SearchOptions>;
  /** Does the work that is the same at every strength. */
  readonly prepare: (problem: AttackProblem) => Iteration | Promise<Iteration>;
}

/** An iterated attack on given images, ready to run at any strength. */
export interface Iteration {
  readonly perturb: Perturb;
  /**
   * Unclipped displacement of each pixel by the first step at strength 1, if it is known; the search starts
   * from it.
   */
  readonly firstStep?: Float32Array | Int8Array;
  /**
   * For an attack that is made of several: what each did to all images, by the latest call of `perturb` for an image.
   */
  readonly members?: () => MemberOutcomes;
  /**
   * For an attack that ends an image when it is misclassified: the number of images that the latest call of `perturb` ended by
   * the limit on steps instead.
   */
  readonly outOfSteps?: () => number;
}

/**
 * Returns the perturbed images of the given rows, side by side in [0, 1], each row at its own strength. The
 * engine passes active images only, and may pass an image several times.
 */
export type Perturb = (rows: Int32Array, strengths: Float64Array) => Promise<Float32Array>;

/** How the engine searches for the strength that reaches a target dissimilarity. */
export interface SearchOptions {
  /**
   * First guess, relative to the strength at which the first step alone, before clipping, reaches the target;
   * 1 by default.
   */
  readonly guess: number;
  /**
   * d log dissimilarity / d log strength, by which the second guess for a set corrects the first; above 0, and 1 by
   * default.
   */
  readonly elasticity: number;
  /** Most strengths to try between two that bracket the target; 12 by default. */
  readonly refinements: number;
  /**
   * Number of evenly spaced images on which the first guess for a large set is made; 0 for none, 64 by
   * default.
   */
  readonly pilot: number;
}

/** Strength of an attack: its own, or a dissimilarity that it must reach. */
export type Strength = number | TargetDissimilarity;

export interface TargetDissimilarity {
  /** ‖x′ − x‖₂ / ‖x‖₂ after clipping (Guo et al. 2018, equation 1). */
  readonly dissimilarity: number;
  /** One strength for all images, whose mean reaches the target, or one strength for each image. */
  readonly per: 'set' | 'image';
  /** Accepted relative deviation from the target. */
  readonly tolerance: number;
  /** Space in which it is measured: `pixelSpace`, or the preprocessing of the model. */
  readonly space: Preprocessing;
}
