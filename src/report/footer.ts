import type { ScoreRow } from './rows.ts';

/** A line below a figure: how many images its numbers are of, and what their intervals are. Empty if the scores do not say. */
export function footerOf(rows: readonly ScoreRow[], name: string): string {
  const counts = rows.flatMap(({ values }) => (typeof values['n'] === 'number' ? [values['n']] : []));
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const isMean = rows.some(({ values }) => typeof values[`${name}Deviation`] === 'number');
  const hasIntervals = rows.some(({ values }) => typeof values[`${name}Low`] === 'number');
  return [
    counts.length === 0 ? '' : `n = ${least === most ? least : `${least}–${most}`}`,
    isMean ? 'mean ± standard deviation' : hasIntervals ? '95 % intervals' : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}
