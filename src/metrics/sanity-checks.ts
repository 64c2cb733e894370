import { readableLabel } from '../values/readable-number.ts';
import { fisherGreater, type Proportion } from './fisher.ts';

type Label = string | number | boolean;

/** Scores of one cell: `n` and `accuracy`, and if they are known `chance`, `linf` and `dissimilarity`. */
export interface CheckedRow {
  readonly axes: Readonly<Record<string, Label>>;
  readonly values: Readonly<Record<string, number | null>>;
}

/**
 * An axis along which the attacker only gains: more strength, more draws, more knowledge, a better attack.
 */
export interface RisingAxis {
  readonly axis: string;
  /** From weak to strong. Rows with other labels are ignored. */
  readonly labels: readonly Label[];
  /** Conclusion for the warning when accuracy rises instead. */
  readonly meaning: string;
}

export interface SanityOptions {
  readonly rising: readonly RisingAxis[];
  /**
   * Axes that say on which network an attack was made and which network it is evaluated on. With equal labels
   * it is a white-box attack.
   */
  readonly transfer?: { readonly source: string; readonly target: string };
}

/** Upper bound on the probability that a table of sound scores shows any warning. */
const falseAlarms = 0.01;

/**
 * Sanity checks of an evaluation (Athalye, Carlini and Wagner 2018, section 3.1; Carlini et al. 2019, "On
 * evaluating adversarial robustness", section 5.2). Accuracy must not rise with the strength of the attacker,
 * a transferred attack must not beat a white-box attack, and an attack that may move every pixel by half its
 * range, or the whole image by its own norm, must leave no more than chance. Returns one sentence for each
 * kind of check that fails.
 *
 * Rows are compared if they agree on all other axes. A difference counts if Fisher's exact test finds it at a
 * level of 1 % divided by the number of comparisons, so that sampling noise raises no alarm.
 */
export function failedSanityChecks(rows: readonly CheckedRow[], options: SanityOptions): readonly string[] {
  const scored = rows.filter(
    ({ values }) => (values['n'] ?? 0) > 0 && typeof values['accuracy'] === 'number',
  );
  const comparisons = [
    ...options.rising.flatMap((rising) => risingComparisons(scored, rising)),
    ...(options.transfer ? transferComparisons(scored, options.transfer) : []),
    ...chanceComparisons(scored),
  ];
  const level = falseAlarms / comparisons.length;
  const failed = comparisons.flatMap((comparison) => {
    const { strong, weak } = comparison;
    const rises = strong.successes * weak.n > weak.successes * strong.n;
    if (!rises) return [];
    const probability = fisherGreater(strong, weak);
    return probability < level ? [{ ...comparison, probability }] : [];
  });
  return groups(failed, ({ check }) => check).map((alike) => {
    const worst = alike.reduce((a, b) => (b.probability < a.probability ? b : a));
    const others = alike.length === 1 ? '' : `; ${alike.length - 1} more like it`;
    return `${worst.sentence} (${worst.strong.n} images, p = ${worst.probability.toExponential(0)}${others})`;
  });
}

/** Accuracy under a strong attacker, which must not exceed the accuracy under a weak one. */
interface Comparison {
  readonly check: string;
  readonly strong: Proportion;
  readonly weak: Proportion;
  readonly sentence: string;
}

function risingComparisons(rows: readonly CheckedRow[], rising: RisingAxis): readonly Comparison[] {
  const { axis, labels, meaning } = rising;
  const rank = new Map(labels.map((label, index) => [label, index]));
  const placed = rows.filter(({ axes }) => axes[axis] !== undefined && rank.has(axes[axis]));
  const series = groups(placed, ({ axes }) => otherAxes(axes, [axis]));
  return series.flatMap((group) => {
    const ordered = [...group].sort((a, b) => rank.get(a.axes[axis]!)! - rank.get(b.axes[axis]!)!);
    return ordered.flatMap((weak, index) =>
      ordered.slice(index + 1).flatMap((strong) => {
        if (rank.get(strong.axes[axis]!) === rank.get(weak.axes[axis]!)) return [];
        const [low, high] = [readableLabel(weak.axes[axis]!), readableLabel(strong.axes[axis]!)];
        const sentence = `accuracy rises from ${percent(weak)} at ${axis}=${low} to ${percent(strong)} at ${axis}=${high}${where(strong, [axis])}: ${meaning}`;
        return [{ check: axis, strong: proportion(strong), weak: proportion(weak), sentence }];
      }),
    );
  });
}

function transferComparisons(
  rows: readonly CheckedRow[],
  { source, target }: { readonly source: string; readonly target: string },
): readonly Comparison[] {
  const placed = rows.filter(({ axes }) => axes[source] !== undefined && axes[target] !== undefined);
  const series = groups(placed, ({ axes }) => otherAxes(axes, [source]));
  return series.flatMap((group) => {
    const whiteBox = group.find(({ axes }) => axes[source] === axes[target]);
    if (whiteBox === undefined) return [];
    return group
      .filter((row) => row !== whiteBox)
      .map((transferred) => ({
        check: 'transfer',
        strong: proportion(whiteBox),
        weak: proportion(transferred),
        sentence: `the accuracy of ${target}=${readableLabel(transferred.axes[target]!)} is ${percent(transferred)} under the attack made on ${source}=${readableLabel(transferred.axes[source]!)}, and ${percent(whiteBox)} under the white-box attack${where(whiteBox, [source, target])}: a transferred attack cannot be stronger, so the gradients of the white-box attack are masked or it stops too early`,
      }));
  });
}

/** Controls rather than attacks: random noise leaves more than chance however large it is. */
const controls: ReadonlySet<Label> = new Set(['none', 'noise', 'clean']);

function chanceComparisons(rows: readonly CheckedRow[]): readonly Comparison[] {
  return rows.flatMap((row) => {
    const { n, chance, linf, dissimilarity } = row.values;
    if (
      !isUnbounded(linf, dissimilarity) ||
      typeof chance !== 'number' ||
      controls.has(row.axes['attack'] ?? '')
    )
      return [];
    const weak = { successes: Math.round(chance * n!), n: n! };
    const sentence = `accuracy is still ${percent(row)}, above chance (${(chance * 100).toFixed(1)} %), under an attack that is large enough to blank the image${where(row, [])}: such an attack should leave no more than chance, so it fails`;
    return [{ check: 'unbounded', strong: proportion(row), weak, sentence }];
  });
}

/**
 * Whether perturbations of these mean sizes could make any image the same. One of L∞ = 0.5 makes it gray, if it is that
 * large at all pixels: a sparse one of DeepFool reaches 0.5 at a few, and leaves the rest. To turn pixels that are uniform
 * in [0, 1] gray takes a dissimilarity of √(1/12) / √(1/3) = 0.5, and darker images need more; one of 1 makes them black.
 */
function isUnbounded(linf: number | null | undefined, dissimilarity: number | null | undefined): boolean {
  const relative = dissimilarity ?? 1;
  return (linf ?? 0) >= 0.5 ? relative > 0.5 : typeof dissimilarity === 'number' && relative >= 1;
}

function proportion({ values }: CheckedRow): Proportion {
  const n = values['n']!;
  return { successes: Math.round(values['accuracy']! * n), n };
}

function percent({ values }: CheckedRow): string {
  return `${(values['accuracy']! * 100).toFixed(1)} %`;
}

/** The labels that two rows must have in common to be compared, as text. */
function otherAxes(axes: CheckedRow['axes'], compared: readonly string[]): string {
  return JSON.stringify(
    Object.entries(axes)
      .filter(([axis]) => !compared.includes(axis))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function where({ axes }: CheckedRow, named: readonly string[]): string {
  const rest = Object.entries(axes).filter(([axis]) => !named.includes(axis));
  return rest.length === 0
    ? ''
    : ` (${rest.map(([axis, label]) => `${axis}=${readableLabel(label)}`).join(', ')})`;
}

/** Groups items with equal keys, in order of first appearance. */
function groups<T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly T[])[] {
  const found = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = found.get(key);
    if (group === undefined) found.set(key, [item]);
    else group.push(item);
  }
  return [...found.values()];
}
