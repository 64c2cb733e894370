/** How the learning rate changes over training. */

export type Schedule =
  | { readonly kind: 'constant' }
  /** The rate is multiplied by `factor` when `epoch` (0 is the first) begins; factors accumulate. */
  | { readonly kind: 'steps'; readonly steps: readonly { readonly epoch: number; readonly factor: number }[] }
  /** Half a cosine from the base rate to 0 (Loshchilov and Hutter 2017, without restarts). */
  | { readonly kind: 'cosine' }
  /**
   * Up from 1/25 of the base rate over the first 30 % of training, then down to 1/250,000 of it, both along
   * half a cosine (Smith and Topin 2018, with the defaults of PyTorch's `OneCycleLR`).
   */
  | { readonly kind: 'one-cycle' };

/**
 * Share of the learning rate that the step between `progress` and `progress + step` epochs takes while training
 * warms up (Goyal et al. 2017, section 2.2): grows evenly and is 1 from `warmUp` epochs on.
 */
export function warmUpShare(warmUp: number, progress: number, step: number): number {
  return warmUp === 0 ? 1 : Math.min(1, (progress + step) / warmUp);
}

/** Learning rate after `progress` epochs, which need not be whole. */
export function learningRateAt(schedule: Schedule, base: number, progress: number, epochs: number): number {
  switch (schedule.kind) {
    case 'constant':
      return base;
    case 'steps':
      return schedule.steps.reduce(
        (rate, { epoch, factor }) => (progress >= epoch ? rate * factor : rate),
        base,
      );
    case 'cosine':
      return halfCosine(base, 0, progress / epochs);
    case 'one-cycle': {
      const time = progress / epochs;
      return time < 0.3
        ? halfCosine(base / 25, base, time / 0.3)
        : halfCosine(base, base / 250_000, (time - 0.3) / 0.7);
    }
  }
}

function halfCosine(from: number, to: number, time: number): number {
  return to + ((from - to) / 2) * (1 + Math.cos(Math.PI * time));
}
