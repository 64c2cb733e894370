import type { ScoreRow } from './rows.ts';

/**
 * Replaces the rows that differ only in the labels of these axes (seeds, say) by one. For each number it has the
 * mean over the repeats, the sample standard deviation s = √(Σ (v − mean)² / (n − 1)) as `…Deviation`, and mean ∓ s
 * as `…Low` and `…High`; these three are null for a single repeat. `repeats` is the number of rows that were
 * averaged. A number that is undefined in one repeat has no mean. The intervals of single repeats are left out.
 */
export function meanOver(rows: readonly ScoreRow[], axes: readonly string[]): readonly ScoreRow[] {
  if (axes.length === 0) return rows;
  const groups = new Map<string, { readonly axes: ScoreRow['axes']; readonly members: ScoreRow[] }>();
  for (const row of rows) {
    const kept = Object.entries(row.axes).filter(([axis]) => !axes.includes(axis));
    const key = JSON.stringify([...kept].sort(([a], [b]) => (a < b ? -1 : 1)));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { axes: Object.fromEntries(kept), members: [row] });
    else group.members.push(row);
  }
  return [...groups.values()].map((group) => ({ axes: group.axes, values: meansOf(group.members) }));
}

/** The names of the numbers that `meanOver` makes of numbers with these names. */
export function meanNames(names: readonly string[]): readonly string[] {
  const means = averagedNames(names);
  return [...means.flatMap((name) => [name, `${name}Deviation`, `${name}Low`, `${name}High`]), 'repeats'];
}

/** The names without the ends of the intervals of others. */
function averagedNames(names: readonly string[]): readonly string[] {
  const known = new Set(names);
  return [...known].filter((name) => {
    const bounded = name.replace(/(Low|High)$/, '');
    return bounded === name || !known.has(bounded);
  });
}

function meansOf(members: readonly ScoreRow[]): ScoreRow['values'] {
  const means: Record<string, number | null> = {};
  for (const name of averagedNames(members.flatMap(({ values }) => Object.keys(values)))) {
    const known = members.map(({ values }) => values[name] ?? NaN);
    const mean = finite(known.reduce((sum, value) => sum + value, 0) / known.length);
    const squares = known.reduce((sum, value) => sum + (value - (mean ?? NaN)) ** 2, 0);
    const deviation = finite(Math.sqrt(squares / (known.length - 1)));
    means[name] = mean;
    means[`${name}Deviation`] = deviation;
    means[`${name}Low`] = deviation === null ? null : mean! - deviation;
    means[`${name}High`] = deviation === null ? null : mean! + deviation;
  }
  return { ...means, repeats: members.length };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
