/**
 * A persistent list. `push` and `set` return a new list that shares all but one path of the tree with the old
 * one, so that a reducer over 100,000 cells stays pure and copies only a few hundred slots per event.
 */
export interface Vector<T> {
  readonly length: number;
  /** Leaves hold items, branches hold nodes; `depth` 0 is a single leaf. */
  readonly root: VectorNode<T>;
  readonly depth: number;
}

type VectorNode<T> = readonly (T | VectorNode<T>)[];

const bits = 5;
const width = 1 << bits;

export function emptyVector<T>(): Vector<T> {
  return { length: 0, root: [], depth: 0 };
}

/** Item at `index`; undefined outside the list. */
export function at<T>(vector: Vector<T>, index: number): T | undefined {
  if (index < 0 || index >= vector.length) return undefined;
  let node = vector.root;
  for (let level = vector.depth; level > 0; level--) {
    node = node[(index >>> (level * bits)) & (width - 1)] as VectorNode<T>;
  }
  return node[index & (width - 1)] as T;
}

/** The leaf that holds the item at `index`, which must exist: as long as it is the same, so are all items in it. */
export function leafOf<T>({ root, depth }: Vector<T>, index: number): readonly unknown[] {
  let node = root;
  for (let level = depth; level > 0; level--) {
    node = node[(index >>> (level * bits)) & (width - 1)] as VectorNode<T>;
  }
  return node;
}

export function isSameLeaf(one: number, other: number): boolean {
  return one >>> bits === other >>> bits;
}

export function push<T>(vector: Vector<T>, item: T): Vector<T> {
  const { length, root, depth } = vector;
  const capacity = width ** (depth + 1);
  if (length < capacity) return { length: length + 1, root: replace(root, depth, length, item), depth };
  return { length: length + 1, root: [root, path<T>(depth, item)], depth: depth + 1 };
}

/** Replaces the item at `index`, which must exist. */
export function set<T>(vector: Vector<T>, index: number, item: T): Vector<T> {
  if (index < 0 || index >= vector.length)
    throw new RangeError(`index ${index} is outside 0 to ${vector.length - 1}`);
  return { ...vector, root: replace(vector.root, vector.depth, index, item) };
}

export function* items<T>(vector: Vector<T>): Generator<T> {
  for (let index = 0; index < vector.length; index++) yield at(vector, index) as T;
}

function replace<T>(node: VectorNode<T>, depth: number, index: number, item: T): VectorNode<T> {
  const copy = node.slice();
  const slot = (index >>> (depth * bits)) & (width - 1);
  copy[slot] = depth === 0 ? item : replace((node[slot] ?? []) as VectorNode<T>, depth - 1, index, item);
  return copy;
}

function path<T>(depth: number, item: T): VectorNode<T> {
  return depth === 0 ? [item] : [path(depth - 1, item)];
}
