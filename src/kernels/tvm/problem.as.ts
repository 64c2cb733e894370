/** The problem on the current level and the parameters of its iterations. */

/** λ of the level. */
export let lambda: f32 = 0;
export let anisotropic: bool = false;
/** The share of the image's pixels that were kept. */
export let keptShare: f32 = 1;
/**
 * μ and ρ of the next iterations. The image is stored as μu, so that the dual b, the data mf and the radius λ
 * do not depend on μ.
 */
export let penalty: f32 = 1;
export let rho: f32 = 1;

export function setProblem(nextLambda: f32, isAnisotropic: bool): void {
  lambda = nextLambda;
  anisotropic = isAnisotropic;
}

export function setKeptShare(share: f32): void {
  keptShare = share;
}

export function setParameters(nextPenalty: f32, nextRho: f32): void {
  penalty = nextPenalty;
  rho = nextRho;
}
