import type { ScoreRow } from './rows.ts';

/**
 * A line below a figure or a table: how many images its numbers are of, what their intervals are, and what computed them. Empty if nothing of
 * it is known. `names` are the numbers that are shown, and `backend` is null if it is not known or of several kinds.
 */
export function footerOf(
  rows: readonly ScoreRow[],
  names: readonly string[],
  backend: string | null,
): string {
  const counts = rows.flatMap(({ values }) => (typeof values['n'] === 'number' ? [values['n']] : []));
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const has = (suffix: string): boolean =>
    rows.some(({ values }) => names.some((name) => typeof values[`${name}${suffix}`] === 'number'));
  return [
    counts.length === 0 ? '' : `n = ${least === most ? least : `${least}–${most}`}`,
    has('Deviation') ? 'mean ± standard deviation' : has('Low') ? '95 % intervals' : '',
    backend === null ? '' : `computed with ${backend}`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}
