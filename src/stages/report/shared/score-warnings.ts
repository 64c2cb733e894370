import { failedSanityChecks, type RisingAxis } from '../../../metrics/sanity-checks.ts';
import { axisLabels, axisNames, labelNumber } from '../../../report/rows.ts';
import type { Label, ScoreRow } from '../../../report/rows.ts';
import { readableLabel } from '../../../values/readable-number.ts';
import type { Metrics } from '../../../values/metrics.ts';

/**
 * The warnings that a reader of the scores must see: those that came with them, then the sanity checks that
 * their accuracies fail. Axes are recognised by their usual names; others are not compared.
 */
export function scoreWarnings(
  collected: readonly { readonly axes: Readonly<Record<string, Label>>; readonly value: Metrics }[],
  rows: readonly ScoreRow[],
): { readonly given: readonly string[]; readonly found: readonly string[] } {
  // One sentence about many scores stands once.
  const places = new Map<string, string[]>();
  for (const { axes, value } of collected)
    for (const warning of value.warnings) {
      const place = Object.entries(axes).map(([axis, label]) => `${axis}=${readableLabel(label)}`);
      places.set(warning, [...(places.get(warning) ?? []), place.join(', ')]);
    }
  const given = [...places].map(([warning, [first = '', ...more]]) => {
    const others = more.length === 0 ? '' : ` and ${more.length} more`;
    return first === '' ? warning : `${first}${others}: ${warning}`;
  });
  const found = failedSanityChecks(rows, {
    rising: axisNames(rows).flatMap((axis) => risingAxis(rows, axis)),
    transfer: { source: 'source', target: 'target' },
  });
  return { given, found };
}

const numbered: Readonly<Record<string, string>> = {
  strength: 'a stronger attack cannot do worse, so gradients are masked or the attack stops early',
  epsilon: 'a larger ball holds the smaller one, so gradients are masked or the attack stops early',
  dissimilarity: 'a stronger attack cannot do worse, so gradients are masked or the attack stops early',
  eot: 'more draws never help the defense, so the smaller number was luck or the gradients are noise',
  steps: 'more steps never help the defense, so the attack steps past its best',
  restarts: 'more restarts never help the defense',
};

const named: readonly {
  readonly axes: readonly string[];
  readonly labels: readonly string[];
  readonly meaning: string;
}[] = [
  {
    axes: ['attack'],
    labels: ['none', 'noise', 'fgsm', 'i-fgsm', 'pgd', 'apgd', 'auto-attack', 'autoattack'],
    meaning:
      'the better attack should do no worse: it has stopped early, at the boundary of another classifier, or neither number is the worst case',
  },
  {
    axes: ['knowledge', 'attacker', 'box'],
    labels: ['none', 'noise', 'black-box', 'transfer', 'gray-box', 'adaptive', 'white-box'],
    meaning:
      'an attacker who knows more can do all that the other can, so this attack is not adapted to the defense',
  },
];

function risingAxis(rows: readonly ScoreRow[], axis: string): readonly RisingAxis[] {
  const present = axisLabels(rows, axis);
  const meaning = numbered[axis];
  if (meaning !== undefined) {
    const numbers = present.filter((label) => labelNumber(label) !== undefined);
    const labels = [...numbers].sort((a, b) => labelNumber(a)! - labelNumber(b)!);
    return [{ axis, labels, meaning }];
  }
  return named
    .filter(({ axes }) => axes.includes(axis))
    .map(({ labels, ...rest }) => ({ axis, labels, meaning: rest.meaning }));
}
