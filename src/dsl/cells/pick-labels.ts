import { didYouMean, shortList } from '../../values/nearest.ts';
import type { AxisLabel } from '../graph.ts';
import { parseNumber } from '../text/scalars.ts';
import { quoteCompared } from '../text/located.ts';

/**
 * Words that stand for a label, so that a selection holds for any labels of an axis: the first or last one as
 * written, or the one with the smallest or largest number. An axis that has such a word as a label means the
 * label.
 */
export const labelPicks = ['first', 'last', 'min', 'max'] as const;
type LabelPick = (typeof labelPicks)[number];

/** A label as written in a selection. */
interface WantedLabel {
  readonly value: AxisLabel | null;
  readonly text: string;
}

export type FoundLabel =
  | { readonly ok: true; readonly label: AxisLabel }
  | { readonly ok: false; readonly message: string; readonly fix: string };

/** Whether a selection picks a label of these by a word instead of naming it. */
export function isPick({ value }: WantedLabel, labels: readonly AxisLabel[]): boolean {
  return isPickWord(value) && !labels.some((label) => String(label) === value);
}

function isPickWord(value: AxisLabel | null): value is LabelPick {
  return labelPicks.some((pick) => pick === value);
}

/**
 * Finds the label that a selection names or picks among labels in the order in which they are written. `owner`
 * begins the error message: `the axis 'eps' of 'scores'`.
 */
export function findLabel(wanted: WantedLabel, labels: readonly AxisLabel[], owner: string): FoundLabel {
  const named = labels.find((label) => String(label) === String(wanted.value));
  if (named !== undefined) return { ok: true, label: named };
  if (isPickWord(wanted.value)) return pick(wanted.value, labels, owner);
  const known = labels.map(String);
  const isNumber = typeof wanted.value === 'number' || parseNumber(wanted.text) !== undefined;
  return {
    ok: false,
    message: `${owner} has no label ${quoteCompared(wanted)}${didYouMean(String(wanted.value), known)}`,
    fix: known.includes(wanted.text)
      ? `write '${wanted.text}', with the quotes`
      : `choose one of its labels: ${shortList(known)}${isNumber ? "; or 'first', 'last', 'min' or 'max'" : ''}`,
  };
}

function pick(word: LabelPick, labels: readonly AxisLabel[], owner: string): FoundLabel {
  if (word === 'first') return { ok: true, label: labels[0]! };
  if (word === 'last') return { ok: true, label: labels.at(-1)! };
  const numbers = labels.map((label) =>
    typeof label === 'number' ? label : typeof label === 'string' ? parseNumber(label) : undefined,
  );
  const other = numbers.indexOf(undefined);
  if (other !== -1) {
    return {
      ok: false,
      message: `'${word}' compares labels as numbers, and ${owner} has the label '${String(labels[other])}', which is not a number`,
      fix: `write 'first' or 'last', or one of its labels: ${shortList(labels)}`,
    };
  }
  const known = numbers as readonly number[];
  const best = word === 'max' ? Math.max(...known) : Math.min(...known);
  return { ok: true, label: labels[known.indexOf(best)]! };
}
