/** The nearest patches among candidates that a device has found. */
import type { Patches } from '../../values/patches.ts';
import { type Neighbors, rankByMeasuring } from './reference.ts';

export interface Found {
  /** Number of candidates of each query. */
  readonly kept: number;
  /** `[queries, kept]` patches; numbers that the database does not have are none. */
  readonly ids: Int32Array;
  /** For each query, what is known of the patches beyond its candidates. */
  readonly beyond: Float32Array | Float64Array;
}

/**
 * Measures the candidates of each query in float64. A query goes through `exactly` if `leastBeyond`, a lower bound on the squared
 * distances of all other patches, leaves room for one that is as near as its last neighbour.
 */
export function chooseNeighbors(
  patches: Patches,
  queries: Float32Array,
  neighbors: number,
  { kept, ids: candidates, beyond }: Found,
  leastBeyond: (query: Float32Array, beyond: number) => number,
  exactly: (queries: Float32Array, neighbors: number) => Neighbors,
): Neighbors {
  const [count] = patches.shape;
  const length = beyond.length;
  const dimensions = queries.length / length;
  const ids = new Int32Array(length * neighbors);
  const distances = new Float64Array(length * neighbors);
  const doubtful: number[] = [];
  for (let row = 0; row < length; row++) {
    const query = queries.subarray(row * dimensions, (row + 1) * dimensions);
    const some = candidates.subarray(row * kept, (row + 1) * kept).filter((id) => id < count);
    const found = rankByMeasuring(patches, query, some, neighbors);
    const isSure =
      some.length === count ||
      (found.ids.length === neighbors && leastBeyond(query, beyond[row]!) > found.distances.at(-1)!);
    if (!isSure) doubtful.push(row);
    ids.set(found.ids, row * neighbors);
    distances.set(found.distances, row * neighbors);
  }
  if (doubtful.length === 0) return { ids, distances };
  const uncertain = new Float32Array(doubtful.length * dimensions);
  doubtful.forEach((row, at) =>
    uncertain.set(queries.subarray(row * dimensions, (row + 1) * dimensions), at * dimensions),
  );
  const found = exactly(uncertain, neighbors);
  doubtful.forEach((row, at) => {
    ids.set(found.ids.subarray(at * neighbors, (at + 1) * neighbors), row * neighbors);
    distances.set(found.distances.subarray(at * neighbors, (at + 1) * neighbors), row * neighbors);
  });
  return { ids, distances };
}
