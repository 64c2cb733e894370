/**
 * Rows with labels on named axes, column by column. The number of a row is an index into a list of the
 * caller.
 */
export interface Relation {
  readonly axes: readonly string[];
  /** By axis, then by row: ids of labels. */
  readonly columns: readonly (readonly number[])[];
  readonly count: number;
}

export interface Joined extends Relation {
  /** By relation, then by row: which row of that relation is in it. */
  readonly rows: readonly (readonly number[])[];
}

export type JoinResult =
  | { readonly ok: true; readonly joined: Joined }
  /** Relation `index` shares `axes` with those before it, but no combination of labels. */
  | { readonly ok: false; readonly why: 'empty'; readonly index: number; readonly axes: readonly string[] }
  | { readonly ok: false; readonly why: 'too-many'; readonly index: number };

/**
 * Natural inner join from left to right: relations meet on the axes they share, by label, and form the
 * product over the others. Order is that of the first relation, then that of the second, …. Stops before
 * there are more than `most` rows.
 */
export function join(relations: readonly Relation[], most: number): JoinResult {
  let joined: Joined = { axes: [], columns: [], count: 1, rows: [] };
  for (const [index, relation] of relations.entries()) {
    const shared = relation.axes.filter((axis) => joined.axes.includes(axis));
    const next = joinTwo(joined, relation, shared, most);
    if (next === undefined) return { ok: false, why: 'too-many', index };
    if (next.count === 0) return { ok: false, why: 'empty', index, axes: shared };
    joined = next;
  }
  return { ok: true, joined };
}

function joinTwo(left: Joined, right: Relation, shared: readonly string[], most: number): Joined | undefined {
  const byKey = new Map<string | number, number[]>();
  const rightKey = keyOf(right, shared);
  for (let row = 0; row < right.count; row++) {
    const key = rightKey(row);
    const same = byKey.get(key);
    if (same === undefined) byKey.set(key, [row]);
    else same.push(row);
  }
  const leftKey = keyOf(left, shared);
  const leftRows: number[] = [];
  const rightRows: number[] = [];
  for (let row = 0; row < left.count; row++) {
    const matches = byKey.get(leftKey(row)) ?? [];
    if (leftRows.length + matches.length > most) return undefined;
    for (const match of matches) {
      leftRows.push(row);
      rightRows.push(match);
    }
  }
  const added = right.axes.flatMap((axis, index) =>
    shared.includes(axis) ? [] : [{ axis, column: right.columns[index]! }],
  );
  return {
    axes: [...left.axes, ...added.map(({ axis }) => axis)],
    columns: [
      ...left.columns.map((column) => leftRows.map((row) => column[row]!)),
      ...added.map(({ column }) => rightRows.map((row) => column[row]!)),
    ],
    count: leftRows.length,
    rows: [...left.rows.map((rows) => leftRows.map((row) => rows[row]!)), rightRows],
  };
}

function keyOf(relation: Relation, axes: readonly string[]): (row: number) => string | number {
  const columns = axes.map((axis) => relation.columns[relation.axes.indexOf(axis)]!);
  const [only] = columns;
  if (only === undefined) return () => 0;
  if (columns.length === 1) return (row) => only[row]!;
  return (row) => columns.map((column) => column[row]!).join(',');
}
