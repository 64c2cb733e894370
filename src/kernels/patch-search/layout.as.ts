// The memory of the patch search, laid out by hand: sizes, addresses, and room for a batch of queries.

export const firstComponents: i32 = 8;
export const firstSplit: i32 = 24;
export const firstFeatures: i32 = 10;
export const secondComponents: i32 = 30;
export const secondSplit: i32 = 48;
export const secondFeatures: i32 = 32;
/** Bytes of a row from which the tree is built: ten int16 values and the patch's index. */
export const rowBytes: usize = 24;
export const rowIndex: usize = 20;
/** Bytes of four patches side by side, with five int16 pairs each. */
export const blockBytes: usize = 80;
/** Bytes of four boxes side by side, with the lower and upper corner of five int16 pairs each. */
export const boxBytes: usize = 160;
export const maxLevels: i32 = 12;
export const maxChildren: i32 = 32;
/** The most patches of a leaf, one for each bit of a mask. */
export const leafPatches: i32 = 64;

export let count: i32 = 0;
export let dims: i32 = 0;
/** Bytes per stored patch: `dims` rounded up to a multiple of 16. */
export let stride: usize = 0;
/** Components per projected patch: `dims` rounded up to a multiple of 4. */
export let outputs: i32 = 0;
/** 1 / (grey levels per code step). */
export let inverseStep: f64 = 0;
/** Factor by which a basis whose rows are rounded to float32 can lengthen a difference. */
export let stretch: f64 = 1;
/**
 * The number of steps by which float32 can move the codes of a patch and of a query apart, over all values.
 */
export let slack: f64 = 0;
export let depth: i32 = 0;
export let levels: i32 = 0;
/** Number of blocks of four patches in a leaf. */
export let leafBlocks: i32 = 0;
/** Bits of a leaf's mask that do not belong to a slot of its blocks. */
export let beyondLeaf: u64 = 0;
/** Bytes of a leaf's blocks. */
export let leafBytes: usize = 0;

export let basis: usize = 0;
export let mean: usize = 0;
export let inputs: usize = 0;
export let projected: usize = 0;
export let codes: usize = 0;
export let scratch: usize = 0;
export let stack: usize = 0;
export let survivors: usize = 0;
export let queryDoubles: usize = 0;
export let staging: usize = 0;
export let ids: usize = 0;
export let leafStarts: usize = 0;
export let splits: usize = 0;
export let boxes: usize = 0;
export let blocks: usize = 0;
export let second: usize = 0;
/** The rows while the tree is built, and the patches' bytes afterwards. */
export let patches: usize = 0;
export let fixedEnd: usize = 0;

export let queries: usize = 0;
export let queryFirst: usize = 0;
export let querySecond: usize = 0;
export let order: usize = 0;
export let resultIds: usize = 0;
export let resultDistances: usize = 0;

export const levelDepths = memory.data(maxLevels * 4);
export const levelBoxes = memory.data(maxLevels * 4);

function take(cursor: usize, bytes: usize): usize {
  return (cursor + bytes + 15) & ~15;
}

function ensure(end: usize): bool {
  const pages = i32((end + 0xffff) >>> 16) - memory.size();
  return pages <= 0 || memory.grow(pages) >= 0;
}

/**
 * Lays out memory for `patchCount` ≥ 1 patches of `dimensions` values, and chooses the depth of the tree. It
 * has 2^depth leaves with at most 64 patches each, a compromise between few boxes and few patches to look at.
 * Returns false if there is not enough memory.
 */
export function allocate(patchCount: i32, dimensions: i32, step: f64, stagedPatches: i32): bool {
  count = patchCount;
  dims = dimensions;
  stride = (usize(dims) + 15) & ~15;
  outputs = (dims + 3) & ~3;
  inverseStep = 1 / step;
  stretch = 1 + f64(dims) * 2e-7;
  // A sum of d products is off by at most d · 2⁻²⁴ · |basis row| · |patch| (Higham, "Accuracy and Stability",
  // 3.1), with |patch| ≤ 255 √d = 31,507 steps: 0.0019 d steps, 0.0025 d with the norms' own rounding. √d
  // such values of a patch and as many of a query.
  slack = 2 * 0.0025 * f64(dims) * Math.sqrt(f64(dims)) + 0.1;
  depth = 0;
  while ((count - 1) >> depth >= leafPatches) depth++;
  const leaves = 1 << depth;
  leafBlocks = ((count + leaves - 1) / leaves + 3) / 4;
  beyondLeaf = 4 * leafBlocks < leafPatches ? u64.MAX_VALUE << (4 * leafBlocks) : 0;
  leafBytes = usize(leafBlocks) * blockBytes;
  // Boxes are kept at every third depth; the first level takes the rest: 14 = 5 + 3 + 3 + 3.
  let at = depth <= 5 ? depth : 3 + (depth % 3);
  levels = 0;
  for (; at <= depth; at += 3) store<i32>(levelDepths + 4 * usize(levels++), at);

  let cursor: usize = __heap_base;
  basis = cursor = take(cursor, 0);
  cursor = take(cursor, usize(outputs * dims) * 4);
  mean = cursor;
  cursor = take(cursor, usize(dims) * 4);
  inputs = cursor;
  cursor = take(cursor, usize(dims) * 16);
  projected = cursor;
  cursor = take(cursor, usize(outputs) * 16);
  codes = cursor;
  cursor = take(cursor, usize(firstFeatures + secondFeatures) * 16);
  scratch = cursor;
  cursor = take(cursor, 64);
  stack = cursor;
  cursor = take(cursor, usize(maxLevels * (maxChildren * 8 + 8)));
  survivors = cursor;
  cursor = take(cursor, usize(maxChildren * leafPatches) * 4);
  queryDoubles = cursor;
  cursor = take(cursor, stride * 8);
  staging = cursor;
  cursor = take(cursor, usize(stagedPatches * dims) + 16);
  ids = cursor;
  cursor = take(cursor, usize(count) * 4);
  leafStarts = cursor;
  cursor = take(cursor, usize(leaves + 1) * 4);
  splits = cursor;
  cursor = take(cursor, usize(leaves) * 4);
  boxes = cursor;
  for (let level = 0; level < levels; level++) {
    store<u32>(levelBoxes + 4 * usize(level), u32(cursor));
    const nodes = 1 << load<i32>(levelDepths + 4 * usize(level));
    cursor = take(cursor, usize((nodes + 3) / 4) * boxBytes);
  }
  blocks = cursor;
  cursor = take(cursor, usize(leaves) * leafBytes);
  second = cursor;
  cursor = take(cursor, usize(count) * 64);
  patches = cursor;
  fixedEnd = take(cursor, usize(count) * (stride > rowBytes ? stride : rowBytes));
  return ensure(fixedEnd);
}

/**
 * Makes room, after everything else, for a batch of queries and their results. Returns false if there is not
 * enough memory.
 */
export function reserve(queryCount: i32, neighbors: i32): bool {
  const n = usize(queryCount);
  let cursor = fixedEnd;
  queries = cursor;
  cursor = take(cursor, n * usize(dims) * 4);
  queryFirst = cursor;
  cursor = take(cursor, n * 20);
  querySecond = cursor;
  cursor = take(cursor, n * 64);
  order = cursor;
  cursor = take(cursor, n * 4);
  resultIds = cursor;
  cursor = take(cursor, n * usize(neighbors) * 4);
  resultDistances = cursor;
  cursor = take(cursor, n * usize(neighbors) * 8);
  return ensure(cursor);
}

export function basisAddress(): usize {
  return basis;
}
export function meanAddress(): usize {
  return mean;
}
export function stagingAddress(): usize {
  return staging;
}
export function idsAddress(): usize {
  return ids;
}
export function patchesAddress(): usize {
  return patches;
}
export function patchStride(): usize {
  return stride;
}
export function queriesAddress(): usize {
  return queries;
}
export function orderAddress(): usize {
  return order;
}
export function resultIdsAddress(): usize {
  return resultIds;
}
export function resultDistancesAddress(): usize {
  return resultDistances;
}
