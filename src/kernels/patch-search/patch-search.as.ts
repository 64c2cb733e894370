// Exact nearest patches by a kd-tree over quantised principal components with three stages of distances, each
// a lower bound of the next (docs/kernels.md, "Image quilting"; `reference.ts` is the definition).
// AssemblyScript, 128-bit SIMD, one thread. `wasm.ts` drives it.
//
// Stage 1: 10 int16 values per patch, components 0–7 and the norms of components 8–23 and of the rest. Stage
// 2: 32 int16 values, components 0–29 and the norms of components 30–47 and of the rest. Stage 3: the bytes,
// in float64.
import { encodeQueries } from './encode.as';
import {
  firstFeatures,
  secondFeatures,
  blockBytes,
  boxBytes,
  maxChildren,
  dims,
  stride,
  inverseStep,
  slack,
  stretch,
  depth,
  levels,
  leafBlocks,
  leafBytes,
  beyondLeaf,
  scratch,
  stack,
  survivors,
  queryDoubles,
  ids,
  leafStarts,
  splits,
  blocks,
  second,
  patches,
  queries,
  queryFirst,
  querySecond,
  order,
  resultIds,
  resultDistances,
  levelDepths,
  levelBoxes,
} from './layout.as';

export { encodePatches } from './encode.as';
export { buildTree } from './tree.as';
export {
  allocate,
  reserve,
  basisAddress,
  meanAddress,
  stagingAddress,
  idsAddress,
  patchesAddress,
  patchStride,
  queriesAddress,
  orderAddress,
  resultIdsAddress,
  resultDistancesAddress,
} from './layout.as';

/**
 * Codes `length` queries (float32 grey levels in [0, 255]), and writes to `order` the leaf that each belongs
 * to.
 */
export function prepare(length: i32): void {
  encodeQueries(length);
  for (let query = 0; query < length; query++) {
    const row = queryFirst + usize(query) * 20;
    let node = 1;
    for (let at = 0; at < depth; at++) {
      const split = load<i32>(splits + usize(node) * 4);
      const value = i32(load<i16>(row + usize((split >> 16) * 2)));
      node = 2 * node + i32(value >= (split << 16) >> 16);
    }
    store<i32>(order + usize(query) * 4, node - (1 << depth));
  }
}

/**
 * Squared distance in grey levels of the current query to the patch at a place, in float64. Even and odd
 * values are summed separately.
 */
function exactDistance(place: i32): f64 {
  let patch = patches + usize(place) * stride;
  let query = queryDoubles;
  let sum = f64x2.splat(0);
  for (const end = patch + stride; patch < end; patch += 16) {
    const bytes = v128.load(patch);
    const low = i16x8.extend_low_i8x16_u(bytes);
    const high = i16x8.extend_high_i8x16_u(bytes);
    sum = addSquares(sum, query, i32x4.extend_low_i16x8_u(low));
    sum = addSquares(sum, query + 32, i32x4.extend_high_i16x8_u(low));
    sum = addSquares(sum, query + 64, i32x4.extend_low_i16x8_u(high));
    sum = addSquares(sum, query + 96, i32x4.extend_high_i16x8_u(high));
    query += 128;
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

function addSquares(sum: v128, query: usize, values: v128): v128 {
  const front = f64x2.sub(v128.load(query), f64x2.convert_low_i32x4_u(values));
  sum = f64x2.add(sum, f64x2.mul(front, front));
  const back = f64x2.sub(
    v128.load(query, 16),
    f64x2.convert_low_i32x4_u(v128.shuffle<i32>(values, values, 2, 3, 2, 3)),
  );
  return f64x2.add(sum, f64x2.mul(back, back));
}

/**
 * The largest squared distance of codes that a patch within squared distance `bound` can have. Rounding to
 * codes moves each of the F values of a patch and of a query by at most half a step, √F in all; `slack` is
 * what float32 may add.
 */
function threshold(bound: f64, features: i32): i32 {
  const reach = Math.sqrt(bound) * inverseStep * stretch + Math.sqrt(f64(features)) + slack;
  return i32(Math.min(reach * reach + 1, 2147483647));
}

/**
 * Finds the `neighbors` nearest patches of each prepared query, in the order of `order`, which only affects
 * the speed. Results are sorted by distance, and by index if distances are equal.
 */
export function search(length: i32, neighbors: i32): void {
  let previous: usize = 0;
  for (let at = 0; at < length; at++) {
    const query = load<i32>(order + usize(at) * 4);
    loadQuery(query);
    const found = usize(query * neighbors);
    // The previous query is near, so its results, measured from here, already bound the distance.
    let bound = Infinity;
    if (at > 0) {
      bound = 0;
      for (let index = 0; index < neighbors; index++) {
        bound = Math.max(bound, exactDistance(load<i32>(resultIds + (previous + usize(index)) * 4)));
      }
    }
    searchOne(query, neighbors, bound);
    previous = found;
  }
  for (let index = 0; index < length * neighbors; index++) {
    const place = load<i32>(resultIds + usize(index) * 4);
    store<i32>(resultIds + usize(index) * 4, load<i32>(ids + usize(place) * 4));
  }
}

function loadQuery(query: i32): void {
  const source = queries + usize(query * dims) * 4;
  for (let index = 0; index < dims; index++) {
    store<f64>(queryDoubles + usize(index) * 8, f64(load<f32>(source + usize(index) * 4)));
  }
  memory.fill(queryDoubles + usize(dims) * 8, 0, (stride - usize(dims)) * 8);
}

/**
 * Adds the patches of a leaf that stage 1 cannot exclude to the list that ends at `last`; returns its new
 * end. No branch depends on a single block, so that the processor reads ahead.
 */
function scanLeaf(
  q0: v128,
  q1: v128,
  q2: v128,
  q3: v128,
  q4: v128,
  limit: v128,
  leaf: i32,
  last: usize,
): usize {
  let block = blocks + usize(leaf) * leafBytes;
  let far = beyondLeaf;
  for (let slot = 0; slot < 4 * leafBlocks; slot += 4) {
    const beyond = i32x4.gt_s(fourDistances(q0, q1, q2, q3, q4, block), limit);
    far |= u64(i32x4.bitmask(beyond)) << slot;
    block += blockBytes;
  }
  let near = ~far;
  if (near == 0) return last;
  const from = load<i32>(leafStarts + usize(leaf) * 4);
  const size = load<i32>(leafStarts + usize(leaf) * 4, 4) - from;
  near &= u64.MAX_VALUE >>> (64 - size);
  for (; near != 0; near &= near - 1) {
    store<i32>(last, from + i32(ctz(near)));
    last += 4;
  }
  return last;
}

/**
 * Whether a patch comes before the result at `slot`, being nearer, or as near and earlier in the database.
 */
function precedes(distance: f64, place: i32, distances: usize, places: usize, slot: i32): bool {
  const other = load<f64>(distances + usize(slot) * 8);
  if (distance != other) return distance < other;
  const otherPlace = load<i32>(places + usize(slot) * 4);
  return load<i32>(ids + usize(place) * 4) < load<i32>(ids + usize(otherPlace) * 4);
}

/**
 * Searches for one query and stores its results and their distances, which are at most the squared distance
 * `bound`.
 */
function searchOne(query: i32, neighbors: i32, bound: f64): void {
  const row = queryFirst + usize(query) * 20;
  const q0 = v128.load32_splat(row);
  const q1 = v128.load32_splat(row, 4);
  const q2 = v128.load32_splat(row, 8);
  const q3 = v128.load32_splat(row, 12);
  const q4 = v128.load32_splat(row, 16);
  const secondRow = querySecond + usize(query) * 64;
  const s0 = v128.load(secondRow);
  const s1 = v128.load(secondRow, 16);
  const s2 = v128.load(secondRow, 32);
  const s3 = v128.load(secondRow, 48);
  const foundPlaces = resultIds + usize(query * neighbors) * 4;
  const foundDistances = resultDistances + usize(query * neighbors) * 8;
  let found = 0;
  let firstLimit = threshold(bound, firstFeatures);
  let secondLimit = threshold(bound, secondFeatures);
  // Every level except the last has a list of (bound, node), nearest first, after its cursor and its length.
  const listBytes = usize(maxChildren * 8 + 8);
  let level = 0;
  let parent = 0;
  let list = stack;
  while (true) {
    // The children of a node are listed, or scanned if they are leaves.
    const bits =
      load<i32>(levelDepths + 4 * usize(level)) -
      (level == 0 ? 0 : load<i32>(levelDepths + 4 * usize(level - 1)));
    const base = usize(load<u32>(levelBoxes + 4 * usize(level)));
    const firstChild = parent << bits;
    const children = 1 << bits;
    const leaves = level + 1 == levels;
    const limit = i32x4.splat(firstLimit);
    let last = survivors;
    let entries = 0;
    for (let child = 0; child < children; child += 4) {
      const box = base + usize((firstChild + child) >>> 2) * boxBytes;
      let sum = boxPair(q0, box);
      sum = i32x4.add(sum, boxPair(q1, box + 32));
      sum = i32x4.add(sum, boxPair(q2, box + 64));
      sum = i32x4.add(sum, boxPair(q3, box + 96));
      sum = i32x4.add(sum, boxPair(q4, box + 128));
      v128.store(scratch, sum);
      let near = i32x4.bitmask(i32x4.gt_s(sum, limit)) ^ 15;
      if (children < 4) near &= (1 << children) - 1;
      for (; near != 0; near &= near - 1) {
        const lane = ctz(near);
        const node = firstChild + child + lane;
        if (leaves) {
          last = scanLeaf(q0, q1, q2, q3, q4, limit, node, last);
          continue;
        }
        const distance = load<i32>(scratch + usize(lane * 4));
        let slot = list + 8 + usize(entries) * 8;
        while (slot > list + 8 && load<i32>(slot - 8) > distance) {
          store<i64>(slot, load<i64>(slot - 8));
          slot -= 8;
        }
        store<i32>(slot, distance);
        store<i32>(slot, node, 4);
        entries++;
      }
    }
    store<i32>(list, 0);
    store<i32>(list, entries, 4);

    for (let survivor = survivors; survivor < last; survivor += 4) {
      const place = load<i32>(survivor);
      const codesOf = second + usize(place) * 64;
      let sum = codePair(s0, codesOf);
      sum = i32x4.add(sum, codePair(s1, codesOf + 16));
      sum = i32x4.add(sum, codePair(s2, codesOf + 32));
      sum = i32x4.add(sum, codePair(s3, codesOf + 48));
      sum = i32x4.add(sum, v128.shuffle<i32>(sum, sum, 2, 3, 0, 1));
      if (i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) > secondLimit) continue;
      const distance = exactDistance(place);
      if (distance > bound) continue;
      if (found == neighbors && !precedes(distance, place, foundDistances, foundPlaces, neighbors - 1))
        continue;
      if (found < neighbors) found++;
      let slot = found - 1;
      for (; slot > 0 && precedes(distance, place, foundDistances, foundPlaces, slot - 1); slot--) {
        const here = usize(slot);
        store<f64>(foundDistances + here * 8, load<f64>(foundDistances + (here - 1) * 8));
        store<i32>(foundPlaces + here * 4, load<i32>(foundPlaces + (here - 1) * 4));
      }
      store<f64>(foundDistances + usize(slot) * 8, distance);
      store<i32>(foundPlaces + usize(slot) * 4, place);
      if (found == neighbors) {
        bound = load<f64>(foundDistances + usize(neighbors - 1) * 8);
        firstLimit = threshold(bound, firstFeatures);
        secondLimit = threshold(bound, secondFeatures);
      }
    }

    // The next node is the nearest remaining child, here or further up.
    while (true) {
      const cursor = load<i32>(list);
      const entry = list + 8 + usize(cursor) * 8;
      if (cursor < load<i32>(list, 4) && load<i32>(entry) <= firstLimit) {
        store<i32>(list, cursor + 1);
        parent = load<i32>(entry, 4);
        break;
      }
      if (level == 0) return;
      level--;
      list -= listBytes;
    }
    level++;
    list += listBytes;
  }
}

function codePair(query: v128, at: usize): v128 {
  const difference = i16x8.sub_sat_s(query, v128.load(at));
  return i32x4.dot_i16x8_s(difference, difference);
}

/** Squared distances of a query's ten values to those of a block of four patches. */
function fourDistances(q0: v128, q1: v128, q2: v128, q3: v128, q4: v128, block: usize): v128 {
  const front = i32x4.add(codePair(q0, block), codePair(q1, block + 16));
  const middle = i32x4.add(codePair(q2, block + 32), codePair(q3, block + 48));
  return i32x4.add(i32x4.add(front, middle), codePair(q4, block + 64));
}

/** Squared distances of a pair of values to four boxes. */
function boxPair(query: v128, box: usize): v128 {
  const below = i16x8.sub_sat_s(v128.load(box), query);
  const above = i16x8.sub_sat_s(query, v128.load(box, 16));
  const outside = i16x8.max_s(i16x8.max_s(below, above), i16x8.splat(0));
  return i32x4.dot_i16x8_s(outside, outside);
}
