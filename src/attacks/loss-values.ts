import type { AttackLoss, TargetedDlr } from './queries.ts';
import { leastClasses } from '../models/loss-gradient.ts';
import { marginOf } from './logits.ts';

/** A loss by name, for its value at one image. */
export type LossName = AttackLoss | TargetedDlr['kind'];

/** A loss ranks more logits than the model has. */
export class FewClassesError extends RangeError {
  override readonly name = 'FewClassesError';
  constructor(loss: LossName, classes: number) {
    super(`the ${loss} loss needs at least ${leastClasses[loss]} classes, but the model has ${classes}`);
  }
}

/** Throws `FewClassesError` if the loss ranks more logits than there are. */
export function requireClasses(loss: LossName, classes: number): void {
  if (classes < leastClasses[loss]) throw new FewClassesError(loss, classes);
}

/**
 * Value of a loss at one row of logits `[n, classes]`, in float64; attacks climb it. `target` is read by
 * `targeted-dlr` alone. The cross-entropy is log Σ exp(Z_k − Z_y), which keeps its digits for confident images. The
 * ratios are those of Croce and Hein 2020, equations 6 and 7, with a floor of 1e-12 below a spread of equal logits.
 */
export function lossValue(
  loss: LossName,
  logits: Float32Array,
  classes: number,
  row: number,
  label: number,
  target: number,
): number {
  const own = logits.subarray(row * classes, (row + 1) * classes);
  switch (loss) {
    case 'cross-entropy':
      return crossEntropy(own, label);
    case 'margin':
      return marginOf(logits, classes, row, label);
    case 'dlr': {
      const [first, , third] = largest(own, 3);
      return marginOf(logits, classes, row, label) / Math.max(first! - third!, 1e-12);
    }
    case 'targeted-dlr': {
      const [first, , third, fourth] = largest(own, 4);
      return (own[target]! - own[label]!) / Math.max(first! - 0.5 * (third! + fourth!), 1e-12);
    }
  }
}

function crossEntropy(own: Float32Array, label: number): number {
  const top = own.reduce((most, logit) => Math.max(most, logit), -Infinity);
  if (own[label]! < top) {
    const total = own.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
    return Math.log(total) + top - own[label]!;
  }
  // 1 + Σ would round a small sum away.
  const others = own.reduce((sum, logit, k) => (k === label ? sum : sum + Math.exp(logit - top)), 0);
  return Math.log1p(others);
}

/** The largest values of a row from the first on; NaN if there are fewer. */
function largest(own: Float32Array, count: number): readonly number[] {
  const found = new Array<number>(count).fill(-Infinity);
  for (const value of own) {
    let at = count;
    while (at > 0 && value > found[at - 1]!) at--;
    if (at === count) continue;
    found.splice(at, 0, value);
    found.length = count;
  }
  return found;
}
