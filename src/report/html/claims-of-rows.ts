import { readableLabel } from '../../values/readable-number.ts';
import { labelled, type Labels } from '../labels.ts';
import { labelNumber, type ScoreRow } from '../rows.ts';
import type { Claim, Claimed } from './run-report.ts';

/** The axes of scores that say what each is of; an axis that they lack is left out. */
export interface ClaimAxes {
  readonly model: string;
  readonly defense: string;
  readonly attack: string;
  readonly budget: string;
  /** The knowledge of the adversary: `adaptive` and `white-box` go through the defense, `transfer` and `black-box` were made on another model. */
  readonly knowledge: string;
}

const adaptive: ReadonlySet<string> = new Set(['adaptive', 'white-box']);
const transferred: ReadonlySet<string> = new Set(['transfer', 'transferred', 'black-box']);

/**
 * For each model, defense and budget the lowest accuracies of the attacks, from the labels of the scores alone. The clean accuracy is that of a row
 * without an attack, at budget 0, or `cleanAccuracy`.
 */
export function claimsOfRows(rows: readonly ScoreRow[], axes: ClaimAxes, labels?: Labels): readonly Claim[] {
  const groups = new Map<string, ScoreRow[]>();
  for (const row of rows) {
    if (typeof row.values['accuracy'] !== 'number') continue;
    const key = JSON.stringify([row.axes[axes.model] ?? null, row.axes[axes.defense] ?? null]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].flatMap((group) => claimsOfGroup(group, axes, labels));
}

function claimsOfGroup(
  rows: readonly ScoreRow[],
  axes: ClaimAxes,
  labels: Labels | undefined,
): readonly Claim[] {
  const called = (row: ScoreRow, axis: string, other: string): string => {
    const label = row.axes[axis];
    return label === undefined ? other : labelled(labels, label);
  };
  const isClean = (row: ScoreRow): boolean => {
    const budget = row.axes[axes.budget];
    return row.axes[axes.attack] === 'none' || (budget !== undefined && labelNumber(budget) === 0);
  };
  const attacked = rows.filter((row) => !isClean(row));
  const [first] = rows;
  const common = {
    data: '',
    model: called(first!, axes.model, '–'),
    defense: called(first!, axes.defense, 'none'),
    clean: lowest(rows.filter(isClean), null) ?? cleanOf(rows),
  };
  const nameOf = (row: ScoreRow): string | null =>
    row.axes[axes.attack] === undefined ? null : called(row, axes.attack, '');
  const budgets = [...new Set(attacked.map((row) => row.axes[axes.budget]))];
  return budgets.map((budget) => {
    const own = attacked.filter((row) => row.axes[axes.budget] === budget);
    const knows = (row: ScoreRow): string => String(row.axes[axes.knowledge] ?? '');
    const isDirect = (row: ScoreRow): boolean => !adaptive.has(knows(row)) && !transferred.has(knows(row));
    return {
      ...common,
      budget:
        budget === undefined
          ? 'of each attack'
          : `${labelled(labels, axes.budget)} ${labelled(labels, budget)}`,
      direct: lowest(own.filter(isDirect), nameOf),
      adaptive: lowest(
        own.filter((row) => adaptive.has(knows(row))),
        nameOf,
      ),
      transferred: lowest(
        own.filter((row) => transferred.has(knows(row))),
        nameOf,
      ),
    };
  });
}

function lowest(
  rows: readonly ScoreRow[],
  nameOf: ((row: ScoreRow) => string | null) | null,
): Claimed | null {
  const [row] = rows.toSorted((one, other) => one.values['accuracy']! - other.values['accuracy']!);
  if (row === undefined) return null;
  const { accuracy = null, accuracyLow = null, accuracyHigh = null, n = null } = row.values;
  const cell = Object.entries(row.axes)
    .map(([axis, label]) => `${axis}=${readableLabel(label)}`)
    .join(', ');
  return {
    cell,
    attack: nameOf?.(row) ?? null,
    value: accuracy,
    low: accuracyLow,
    high: accuracyHigh,
    images: n,
  };
}

function cleanOf(rows: readonly ScoreRow[]): Claimed | null {
  const row = rows.find(({ values }) => typeof values['cleanAccuracy'] === 'number');
  if (row === undefined) return null;
  const { cleanAccuracy = null, cleanAccuracyLow = null, cleanAccuracyHigh = null, n = null } = row.values;
  return {
    cell: '',
    attack: null,
    value: cleanAccuracy,
    low: cleanAccuracyLow,
    high: cleanAccuracyHigh,
    images: n,
  };
}
