import type { Patches } from '../../values/patches.ts';

/** Nearest patches of each of n queries, `[n, neighbors]`, sorted by distance and then by index. */
export interface Neighbors {
  readonly ids: Int32Array;
  /** Squared distances in grey levels. */
  readonly distances: Float64Array;
}

/** The most neighbours that the WGSL form can find: a thread holds its list in registers, which are few. */
export const mostNeighbors = 16;

/**
 * Squared Euclidean distance of a query to a patch in grey levels, in float64. Values of even and of odd
 * index are summed separately. Every form of the search does so, so that all give the same bits and break
 * ties alike.
 */
export function squaredDistance(
  query: Float32Array,
  queryAt: number,
  patch: Uint8Array,
  patchAt: number,
  dimensions: number,
): number {
  let even = 0;
  let odd = 0;
  for (let index = 0; index < dimensions; index += 2) {
    const difference = query[queryAt + index]! - patch[patchAt + index]!;
    even += difference * difference;
  }
  for (let index = 1; index < dimensions; index += 2) {
    const difference = query[queryAt + index]! - patch[patchAt + index]!;
    odd += difference * difference;
  }
  return even + odd;
}

/**
 * Throws `RangeError` unless the queries are `[n, dimensions]` values in [0, 255] and 1 ≤ `neighbors` ≤
 * `count`.
 */
export function checkQueries(
  queries: Float32Array,
  neighbors: number,
  dimensions: number,
  count: number,
): void {
  if (!Number.isInteger(queries.length / dimensions)) {
    throw new RangeError(`${queries.length} values do not divide into queries of ${dimensions} values each`);
  }
  if (!Number.isInteger(neighbors) || neighbors < 1 || neighbors > count) {
    throw new RangeError(`asked for ${neighbors} nearest patches, but the database has ${count}`);
  }
  // Also false for NaN.
  if (!queries.every((value) => value >= 0 && value <= 255)) {
    throw new RangeError('queries must have values in [0, 255], but one has a value outside, or NaN');
  }
}

/** The `neighbors` patches among `candidates` that are nearest to one query. */
export function rankByMeasuring(
  { pixels }: Pick<Patches, 'pixels'>,
  query: Float32Array,
  candidates: Int32Array,
  neighbors: number,
): Neighbors {
  const dimensions = query.length;
  const length = Math.min(neighbors, candidates.length);
  const ids = new Int32Array(length);
  const distances = new Float64Array(length);
  let held = 0;
  for (const id of candidates) {
    const distance = squaredDistance(query, 0, pixels, id * dimensions, dimensions);
    // Devices give candidates nearly in order, so that few have to move.
    let place = held;
    while (place > 0 && isBefore(distance, id, distances[place - 1]!, ids[place - 1]!)) place--;
    if (place === length) continue;
    if (held < length) held++;
    ids.copyWithin(place + 1, place, held - 1);
    distances.copyWithin(place + 1, place, held - 1);
    ids[place] = id;
    distances[place] = distance;
  }
  return { ids, distances };
}

function isBefore(distance: number, id: number, otherDistance: number, otherId: number): boolean {
  return distance < otherDistance || (distance === otherDistance && id < otherId);
}

/**
 * The definition of the search, which measures every patch. `queries` is `[n, size · size · channels]` in
 * grey levels; 1 ≤ `neighbors` ≤ number of patches.
 */
export function searchByMeasuringAll(
  patches: Pick<Patches, 'pixels' | 'shape'>,
  queries: Float32Array,
  neighbors: number,
): Neighbors {
  const [count, size, , channels] = patches.shape;
  const dimensions = size * size * channels;
  const length = queries.length / dimensions;
  const ids = new Int32Array(length * neighbors);
  const distances = new Float64Array(length * neighbors);
  for (let query = 0; query < length; query++) {
    const all = Float64Array.from({ length: count }, (_, patch) =>
      squaredDistance(queries, query * dimensions, patches.pixels, patch * dimensions, dimensions),
    );
    const order = Int32Array.from({ length: count }, (_, patch) => patch);
    order.sort((a, b) => all[a]! - all[b]! || a - b);
    for (let rank = 0; rank < neighbors; rank++) {
      ids[query * neighbors + rank] = order[rank]!;
      distances[query * neighbors + rank] = all[order[rank]!]!;
    }
  }
  return { ids, distances };
}
