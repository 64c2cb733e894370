import { type Labels, neighbourhood, type Overlap, tiedCosts, tiedLabels, tieOf } from './seam.ts';

/**
 * Minimum cut of any overlap by maximum flow from the old image to the tile along shortest paths (Edmonds and
 * Karp 1972). If several cuts are minimal, takes the one with the fewest old pixels.
 */
export function maxFlowCut(overlap: Overlap): Labels {
  const graph = flowGraph(overlap);
  for (let path = shortestPath(graph); path !== null; path = shortestPath(graph)) augment(graph, path);
  const labels = tiedLabels(overlap);
  const { parents } = reach(graph);
  for (const at of graph.free) if (parents[at] !== unseen) labels[at] = 1;
  return labels;
}

interface FlowGraph {
  readonly size: number;
  /** Indices of the free pixels. */
  readonly free: readonly number[];
  /** Remaining capacity from the old image to each pixel, and from each pixel to the tile. */
  readonly fromOld: Float64Array;
  readonly toNew: Float64Array;
  /** Remaining capacity to the neighbour in each direction, `[size · size, 4]`. */
  readonly between: Float64Array;
}

const unseen = -2;
const source = -1;

function flowGraph(overlap: Overlap): FlowGraph {
  const { size, differences } = overlap;
  const pixels = size * size;
  const fromOld = new Float64Array(pixels);
  const toNew = new Float64Array(pixels);
  const between = new Float64Array(pixels * 4);
  const free: number[] = [];
  for (let at = 0; at < pixels; at++) {
    const [y, x] = [Math.floor(at / size), at % size];
    if (tieOf(overlap, y, x) !== 'free') continue;
    free.push(at);
    const { asNew, asOld } = tiedCosts(overlap, y, x);
    fromOld[at] = asNew;
    toNew[at] = asOld;
    for (const [direction, [dy, dx]] of neighbourhood.entries()) {
      const [ny, nx] = [y + dy, x + dx];
      if (ny < 0 || nx < 0 || ny >= size || nx >= size || tieOf(overlap, ny, nx) !== 'free') continue;
      between[at * 4 + direction] = differences[at]! + differences[ny * size + nx]!;
    }
  }
  return { size, free, fromOld, toNew, between };
}

/**
 * Breadth-first search from the old image: the direction in which each pixel was reached, and the first pixel
 * with capacity to the tile.
 */
function reach({ size, free, fromOld, toNew, between }: FlowGraph): {
  readonly parents: Int8Array;
  readonly end: number | null;
} {
  const parents = new Int8Array(size * size).fill(unseen);
  const queue: number[] = [];
  for (const at of free) {
    if (fromOld[at]! > 0) {
      parents[at] = source;
      queue.push(at);
    }
  }
  for (const at of queue) {
    if (toNew[at]! > 0) return { parents, end: at };
    for (let direction = 0; direction < 4; direction++) {
      if (between[at * 4 + direction]! <= 0) continue;
      const next = step(at, direction, size);
      if (parents[next] !== unseen) continue;
      parents[next] = direction;
      queue.push(next);
    }
  }
  return { parents, end: null };
}

/**
 * A shortest path from the old image to the tile, with the direction in which each pixel was reached; null if
 * no more flow fits.
 */
function shortestPath(graph: FlowGraph): { readonly at: number; readonly direction: number }[] | null {
  const { parents, end } = reach(graph);
  if (end === null) return null;
  const path: { at: number; direction: number }[] = [];
  for (let at = end; ;) {
    const direction = parents[at]!;
    path.unshift({ at, direction });
    if (direction === source) return path;
    at = step(at, (direction + 2) % 4, graph.size);
  }
}

function augment(
  { size, fromOld, toNew, between }: FlowGraph,
  path: readonly { at: number; direction: number }[],
): void {
  const [first, last] = [path[0]!.at, path.at(-1)!.at];
  let flow = Math.min(fromOld[first]!, toNew[last]!);
  const edges = path.slice(1).map(({ at, direction }) => ({
    forward: step(at, (direction + 2) % 4, size) * 4 + direction,
    backward: at * 4 + ((direction + 2) % 4),
  }));
  for (const { forward } of edges) flow = Math.min(flow, between[forward]!);
  fromOld[first]! -= flow;
  toNew[last]! -= flow;
  for (const { forward, backward } of edges) {
    between[forward]! -= flow;
    between[backward]! += flow;
  }
}

function step(at: number, direction: number, size: number): number {
  const [dy, dx] = neighbourhood[direction]!;
  return at + dy * size + dx;
}
