// Builds the kd-tree over stage 1's values and its boxes, and brings everything else into the order of its
// leaves.
import {
  firstFeatures,
  rowBytes,
  rowIndex,
  blockBytes,
  boxBytes,
  count,
  depth,
  levels,
  leafBytes,
  codes,
  ids,
  leafStarts,
  splits,
  blocks,
  second,
  patches,
  levelDepths,
  levelBoxes,
} from './layout.as';

/** The value with the largest variance among rows `from … to − 1`. */
function widestFeature(from: i32, to: i32): i32 {
  let widest = 0;
  let largest: f64 = -1;
  for (let feature = 0; feature < firstFeatures; feature++) {
    let sum: f64 = 0;
    let squares: f64 = 0;
    let row = patches + usize(from) * rowBytes + usize(feature * 2);
    for (const end = patches + usize(to) * rowBytes; row < end; row += rowBytes) {
      const value = f64(load<i16>(row));
      sum += value;
      squares += value * value;
    }
    const variance = squares - (sum * sum) / f64(to - from);
    if (variance > largest) {
      largest = variance;
      widest = feature;
    }
  }
  return widest;
}

function swapRows(a: usize, b: usize): void {
  const first = load<i64>(a);
  const middle = load<i64>(a, 8);
  const last = load<i64>(a, 16);
  store<i64>(a, load<i64>(b));
  store<i64>(a, load<i64>(b, 8), 8);
  store<i64>(a, load<i64>(b, 16), 16);
  store<i64>(b, first);
  store<i64>(b, middle, 8);
  store<i64>(b, last, 16);
}

/**
 * Orders rows `from … to − 1` so that those before `middle` are ≤ and the others ≥ its value (Hoare 1961).
 * Returns that value.
 */
function selectRow(from: i32, to: i32, middle: i32, feature: i32): i32 {
  const at = usize(feature * 2);
  const base = patches + at;
  let low = from;
  let high = to - 1;
  while (low < high) {
    const a = load<i16>(base + usize(low) * rowBytes);
    const b = load<i16>(base + usize((low + high) >>> 1) * rowBytes);
    const c = load<i16>(base + usize(high) * rowBytes);
    const pivot = max(min(a, b), min(max(a, b), c));
    let left = low;
    let right = high;
    while (left <= right) {
      while (load<i16>(base + usize(left) * rowBytes) < pivot) left++;
      while (load<i16>(base + usize(right) * rowBytes) > pivot) right--;
      if (left <= right) {
        swapRows(base - at + usize(left) * rowBytes, base - at + usize(right) * rowBytes);
        left++;
        right--;
      }
    }
    if (middle <= right) high = right;
    else if (middle >= left) low = left;
    else break;
  }
  return load<i16>(base + usize(middle) * rowBytes);
}

function splitNode(node: i32, from: i32, to: i32, at: i32): void {
  if (at == depth) {
    store<i32>(leafStarts + usize(node - (1 << depth)) * 4, from);
    return;
  }
  const feature = widestFeature(from, to);
  const middle = from + ((to - from) >>> 1);
  const value = selectRow(from, to, middle, feature);
  store<i32>(splits + usize(node) * 4, (feature << 16) | (value & 0xffff));
  splitNode(2 * node, from, middle, at + 1);
  splitNode(2 * node + 1, middle, to, at + 1);
}

/** Stores two int16 values of a lane as pair `pair` of four side by side. */
function storePair(base: usize, pair: i32, lane: i32, value: i32, gap: usize): void {
  store<i32>(base + usize(pair) * gap + usize(lane * 4), value);
}

function buildBoxes(level: i32): void {
  const at = load<i32>(levelDepths + 4 * usize(level));
  const base = usize(load<u32>(levelBoxes + 4 * usize(level)));
  const leavesEach = 1 << (depth - at);
  for (let node = 0; node < 1 << at; node++) {
    let row = patches + usize(load<i32>(leafStarts + usize(node * leavesEach) * 4)) * rowBytes;
    const end = patches + usize(load<i32>(leafStarts + usize((node + 1) * leavesEach) * 4)) * rowBytes;
    let low = v128.load(row);
    let high = low;
    let lowTail = v128.load32_zero(row, 16);
    let highTail = lowTail;
    for (; row < end; row += rowBytes) {
      const value = v128.load(row);
      const tail = v128.load32_zero(row, 16);
      low = i16x8.min_s(low, value);
      high = i16x8.max_s(high, value);
      lowTail = i16x8.min_s(lowTail, tail);
      highTail = i16x8.max_s(highTail, tail);
    }
    const box = base + usize(node >>> 2) * boxBytes;
    const lane = node & 3;
    v128.store(codes, low);
    v128.store(codes, lowTail, 16);
    v128.store(codes, high, 32);
    v128.store(codes, highTail, 48);
    for (let pair = 0; pair < 5; pair++) {
      storePair(box, pair, lane, load<i32>(codes + usize(pair * 4)), 32);
      storePair(box + 16, pair, lane, load<i32>(codes + 32 + usize(pair * 4)), 32);
    }
  }
}

/**
 * Moves stage 2's rows into the order of the leaves along the cycles of the permutation, without a second
 * copy.
 */
function permuteSecond(): void {
  for (let start = 0; start < count; start++) {
    if (load<i32>(ids + usize(start) * 4) < 0) continue;
    memory.copy(codes, second + usize(start) * 64, 64);
    let at = start;
    while (true) {
      const from = load<i32>(ids + usize(at) * 4);
      store<i32>(ids + usize(at) * 4, ~from);
      if (from == start) break;
      memory.copy(second + usize(at) * 64, second + usize(from) * 64, 64);
      at = from;
    }
    memory.copy(second + usize(at) * 64, codes, 64);
  }
  for (let at = 0; at < count; at++) store<i32>(ids + usize(at) * 4, ~load<i32>(ids + usize(at) * 4));
}

/**
 * Builds the tree over the coded patches. Afterwards `ids` has the patch at each place, and `patches` is free
 * for their bytes.
 */
export function buildTree(): void {
  splitNode(1, 0, count, 0);
  const leaves = 1 << depth;
  store<i32>(leafStarts + usize(leaves) * 4, count);
  for (let level = 0; level < levels; level++) buildBoxes(level);
  for (let at = 0; at < count; at++) {
    store<i32>(ids + usize(at) * 4, load<i32>(patches + usize(at) * rowBytes, rowIndex));
  }
  for (let leaf = 0; leaf < leaves; leaf++) {
    const from = load<i32>(leafStarts + usize(leaf) * 4);
    const length = load<i32>(leafStarts + usize(leaf + 1) * 4) - from;
    const base = blocks + usize(leaf) * leafBytes;
    for (let slot = 0; slot < length; slot++) {
      const row = patches + usize(from + slot) * rowBytes;
      const block = base + usize(slot >>> 2) * blockBytes;
      for (let pair = 0; pair < 5; pair++) {
        storePair(block, pair, slot & 3, load<i32>(row + usize(pair * 4)), 16);
      }
    }
  }
  permuteSecond();
}
