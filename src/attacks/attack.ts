import type { Preprocessing } from '../values/model.ts';
import type { AttackProblem } from './originals.ts';
import type { Norm } from './projections.ts';

/**
 * An attack with its options, apart from a model, images and a strength. The engine around it (`attackImages`) classifies the originals, leaves images
 * alone whose logits are not finite, searches for the strength that reaches a target dissimilarity, and measures.
 */
export type Attack = DirectionAttack | IteratedAttack;

/** An attack that finds one direction for all strengths: x′ = clip(x + strength · direction, 0, 1). */
export interface DirectionAttack {
  readonly kind: 'direction';
  /** Greatest strength that a search for a target dissimilarity tries. */
  readonly maximum: number;
  /** Displacement of each pixel at strength 1, before clipping, laid out as the pixels. */
  readonly direction: (problem: AttackProblem) => Promise<Float32Array | Int8Array>;
}

/** An attack whose steps depend on its strength. */
export interface IteratedAttack {
  readonly kind: 'iterated';
  /** Greatest strength that a search for a target dissimilarity tries. */
  readonly maximum: number;
  /** Norm of the perturbation that the strength is about, from which the search takes its first guess; L∞ if absent. */
  readonly norm?: Norm;
  /** What the search does differently from its defaults. */
  readonly search?: Partial<SearchOptions>;
  /** Does the work that is the same at every strength. */
  readonly prepare: (problem: AttackProblem) => Iteration | Promise<Iteration>;
}

/** An iterated attack on certain images, ready to be run at any strength. */
export interface Iteration {
  readonly perturb: Perturb;
  /** Displacement of each pixel by the first step at strength 1, before clipping, if it is known: the search then starts from it. */
  readonly firstStep?: Float32Array | Int8Array;
}

/**
 * Perturbed images of the given rows, side by side in [0, 1], at one strength for each row. The engine asks for active images only, and may
 * ask for the same image several times.
 */
export type Perturb = (rows: Int32Array, strengths: Float64Array) => Promise<Float32Array>;

/** How the strength is searched that reaches a target dissimilarity. */
export interface SearchOptions {
  /** First guess, relative to the strength at which the first step alone, unclipped, reaches the target; 1 by default. */
  readonly guess: number;
  /** Strengths to try between two that lie on either side of the target; 12 by default. */
  readonly refinements: number;
  /** Evenly spaced images on which the first guess is made for a large set, 0 for none; 64 by default. */
  readonly pilot: number;
}

/** How strong an attack is: its own strength, or a dissimilarity that it must reach. */
export type Strength = number | TargetDissimilarity;

export interface TargetDissimilarity {
  /** ‖x′ − x‖₂ / ‖x‖₂ after clipping (Guo et al. 2018, equation 1). */
  readonly dissimilarity: number;
  /** One strength for all images, whose mean reaches the target, or one strength for each image. */
  readonly per: 'set' | 'image';
  /** Accepted relative deviation from the target. */
  readonly tolerance: number;
  /** Where it is measured: `pixelSpace`, or the preprocessing of the model. */
  readonly space: Preprocessing;
}
