import type { Claim, Claimed } from '../../report/html/run-report.ts';
import type { ScoreRow } from '../run-results.ts';
import type { ScoreOrigin } from './score-origin.ts';

/** A row of scores and what it is of. */
export interface OriginatedScore {
  readonly cell: string;
  readonly row: ScoreRow['values'];
  readonly origin: ScoreOrigin;
}

interface Group {
  readonly data: string;
  readonly model: string;
  readonly defense: string;
  readonly scores: OriginatedScore[];
}

/**
 * For each model behind each defense and each budget of the adversary, the lowest accuracy of the attacks on the model alone, of those that
 * go through the defense, and of those made on another model. It is the lowest of several attacks, and not the worst case of each image.
 */
export function claimsOf(scores: readonly OriginatedScore[]): readonly Claim[] {
  const groups = new Map<string, Group>();
  for (const score of scores) {
    if (typeof score.row['accuracy'] !== 'number') continue;
    const { data, model, defense } = score.origin;
    const key = JSON.stringify([data, model, defense]);
    const group = groups.get(key) ?? { data, model, defense, scores: [] };
    group.scores.push(score);
    groups.set(key, group);
  }
  return [...groups.values()].flatMap(claimsOfGroup);
}

function claimsOfGroup({ data, model, defense, scores }: Group): readonly Claim[] {
  const clean = lowest(scores.filter(({ origin }) => origin.attack === null));
  const budgets = [
    ...new Set(scores.flatMap(({ origin }) => (origin.attack === null ? [] : [origin.attack.budget]))),
  ];
  const common = { data, model, defense, clean };
  if (budgets.length === 0)
    return [{ ...common, budget: '–', direct: null, adaptive: null, transferred: null }];
  return budgets.map((budget) => {
    const attacked = scores.filter(({ origin }) => origin.attack?.budget === budget);
    const of = (kind: (attack: NonNullable<ScoreOrigin['attack']>) => boolean): Claimed | null =>
      lowest(attacked.filter(({ origin }) => kind(origin.attack!)));
    return {
      ...common,
      budget: budget === '' ? 'of each attack' : budget,
      direct: of(({ isAdaptive, isTransferred }) => !isAdaptive && !isTransferred),
      adaptive: of(({ isAdaptive }) => isAdaptive),
      transferred: of(({ isAdaptive, isTransferred }) => !isAdaptive && isTransferred),
    };
  });
}

function lowest(scores: readonly OriginatedScore[]): Claimed | null {
  let least: OriginatedScore | null = null;
  for (const score of scores) {
    if (least === null || Number(score.row['accuracy']) < Number(least.row['accuracy'])) least = score;
  }
  if (least === null) return null;
  const { cell, row, origin } = least;
  return {
    cell,
    attack: origin.attack?.name ?? null,
    value: Number(row['accuracy']),
    low: number(row['accuracyLow']),
    high: number(row['accuracyHigh']),
    images: number(row['n']),
  };
}

function number(value: number | null | undefined): number | null {
  return typeof value === 'number' ? value : null;
}
