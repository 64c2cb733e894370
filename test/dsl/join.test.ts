import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { join, type Relation } from '../../src/dsl/cells/join.ts';
import { topologicalOrder } from '../../src/dsl/cells/order.ts';
import { DiagnosticSink } from '../../src/dsl/diagnostics/sink.ts';

/** A relation of distinct rows over some of the axes a, b, c. */
const relation: fc.Arbitrary<Relation> = fc
  .record({
    axes: fc.subarray(['a', 'b', 'c']),
    rows: fc.uniqueArray(fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2)), {
      selector: String,
      minLength: 1,
      maxLength: 6,
    }),
  })
  .map(({ axes, rows }) => {
    const kept = [...new Map(rows.map((row) => [axes.map((_, index) => row[index]).join(), row])).values()];
    return { axes, columns: axes.map((_, index) => kept.map((row) => row[index]!)), count: kept.length };
  });

type Labels = Readonly<Record<string, number>>;

function labelsOf({ axes, columns }: Relation, row: number): Labels {
  return Object.fromEntries(axes.map((axis, index) => [axis, columns[index]![row]!]));
}

describe('join', () => {
  it('is all combinations of rows that agree on the axes they share, in the order of the relations', () => {
    fc.assert(
      fc.property(fc.array(relation, { maxLength: 3 }), (relations) => {
        let expected: { labels: Labels; rows: number[] }[] = [{ labels: {}, rows: [] }];
        for (const item of relations) {
          expected = expected.flatMap(({ labels, rows }) =>
            Array.from({ length: item.count }, (_, row) => row)
              .filter((row) =>
                Object.entries(labelsOf(item, row)).every(
                  ([axis, id]) => labels[axis] === undefined || labels[axis] === id,
                ),
              )
              .map((row) => ({ labels: { ...labels, ...labelsOf(item, row) }, rows: [...rows, row] })),
          );
        }
        const result = join(relations, 1_000_000);
        if (!result.ok) {
          expect(expected).toEqual([]);
          return;
        }
        const { joined } = result;
        const found = Array.from({ length: joined.count }, (_, row) => ({
          labels: labelsOf(joined, row),
          rows: joined.rows.map((rows) => rows[row]!),
        }));
        expect(found).toEqual(expected);
      }),
    );
  });

  it('stops before there are too many rows', () => {
    const wide = (axis: string): Relation => ({
      axes: [axis],
      columns: [Array.from({ length: 1000 }, (_, id) => id)],
      count: 1000,
    });
    expect(join([wide('a'), wide('b')], 999_999)).toEqual({ ok: false, why: 'too-many', index: 1 });
  });
});

describe('the order of stages', () => {
  it('puts every stage after those that it reads, or tells a cycle', () => {
    const graphs = fc.array(fc.array(fc.nat(7), { maxLength: 3 }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(graphs, (reads) => {
        const sink = new DiagnosticSink();
        const edges = new Map(
          reads.map((list, id) => [
            String(id),
            list.map((from, index) => ({
              from: String(from),
              at: { file: 'f', start: id * 10 + index, end: id * 10 + index + 1 },
            })),
          ]),
        );
        const order = topologicalOrder(edges, sink);
        const cyclic = reads.some((_, id) => reaches(reads, id, id));
        expect(sink.failed).toBe(cyclic);
        if (!cyclic) expect([...order].sort()).toEqual([...edges.keys()]);
        for (const [index, id] of order.entries()) {
          if (!cyclic) for (const { from } of edges.get(id)!) expect(order.indexOf(from)).toBeLessThan(index);
        }
      }),
    );
  });
});

function reaches(reads: readonly (readonly number[])[], from: number, to: number): boolean {
  const seen = new Set<number>();
  const queue = [...reads[from]!];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (id === to) return true;
    if (!seen.has(id)) queue.push(...reads[id]!);
    seen.add(id);
  }
  return false;
}
