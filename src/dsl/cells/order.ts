import type { SourceRange } from '../diagnostics/diagnostic.ts';
import type { DiagnosticSink } from '../diagnostics/sink.ts';

export interface Edge {
  readonly from: string;
  readonly at: SourceRange;
}

/**
 * Orders stages so that each comes after those it reads, otherwise as in the document. A cycle is reported
 * with every step; the stages on it and those after it are left out. The `edges` of a stage are the stages
 * that it reads.
 */
export function topologicalOrder(
  edges: ReadonlyMap<string, readonly Edge[]>,
  sink: DiagnosticSink,
): readonly string[] {
  const state = new Map<string, 'open' | 'done' | 'cyclic'>();
  const order: string[] = [];
  for (const root of edges.keys()) {
    if (state.has(root)) continue;
    // Depth first without recursion: a chain may be as long as the file has lines.
    const path: { id: string; next: number; via: Edge | undefined }[] = [
      { id: root, next: 0, via: undefined },
    ];
    state.set(root, 'open');
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const edge = edges.get(top.id)?.[top.next++];
      if (edge === undefined) {
        path.pop();
        if (state.get(top.id) === 'open') {
          state.set(top.id, 'done');
          order.push(top.id);
        }
        continue;
      }
      const target = state.get(edge.from);
      if (target === undefined && edges.has(edge.from)) {
        state.set(edge.from, 'open');
        path.push({ id: edge.from, next: 0, via: edge });
      } else if (target === 'open' || (target === 'cyclic' && path.some(({ id }) => id === edge.from))) {
        const first = path.findIndex(({ id }) => id === edge.from);
        reportCycle(
          [...path.slice(first + 1).map(({ via }) => via!), edge],
          path.slice(first).map(({ id }) => id),
          sink,
        );
        for (const { id } of path.slice(first)) state.set(id, 'cyclic');
      }
    }
  }
  return order;
}

/** `steps[i]` is the edge by which `ids[i]` reads the next stage of the cycle. */
function reportCycle(steps: readonly Edge[], ids: readonly string[], sink: DiagnosticSink): void {
  const [first, ...rest] = steps;
  if (first === undefined) return;
  if (rest.length === 0) {
    sink.error('cycle', first.at, `the stage '${first.from}' reads its own output`, {
      fix: 'read another stage',
    });
    return;
  }
  const chain = [...ids, ids[0]!].map((id) => `'${id}'`).join(' ← ');
  sink.error('cycle', first.at, `the stages read each other in a circle: ${chain}`, {
    related: rest.map(({ at, from }, index) => ({
      message: `'${ids[index + 1]!}' reads '${from}' here`,
      at,
    })),
    fix: 'remove one of these inputs',
  });
}
