import type { Patches } from '../../values/patches.ts';
import type { Neighbors } from './reference.ts';

/**
 * The different patches of a database. Databases of drawings and digits hold thousands of copies of the empty patch,
 * all of which are as near to a query as the first, and no bound tells them apart: a search would look at each.
 */
export interface UniquePatches {
  readonly patches: Patches;
  /** Copies of patch u are `ids[starts[u] … starts[u + 1] − 1]`, ascending; the first is the patch itself. */
  readonly starts: Int32Array;
  readonly ids: Int32Array;
}

/** Returns null if all patches differ. */
export function uniquePatches(patches: Patches): UniquePatches | null {
  const { pixels, shape } = patches;
  const [count, size, , channels] = shape;
  const dimensions = size * size * channels;
  const capacity = 2 ** Math.ceil(Math.log2(2 * count + 1));
  /** Open addressing: a slot holds the number of a different patch plus one. */
  const slots = new Int32Array(capacity);
  const firsts: number[] = [];
  const groups = new Int32Array(count);
  for (let patch = 0; patch < count; patch++) {
    const at = patch * dimensions;
    let slot = hashOf(pixels, at, dimensions) & (capacity - 1);
    let group = slots[slot]! - 1;
    while (group >= 0 && !areEqual(pixels, at, firsts[group]! * dimensions, dimensions)) {
      slot = (slot + 1) & (capacity - 1);
      group = slots[slot]! - 1;
    }
    if (group < 0) {
      group = firsts.push(patch) - 1;
      slots[slot] = group + 1;
    }
    groups[patch] = group;
  }
  if (firsts.length === count) return null;
  const different = new Uint8Array(firsts.length * dimensions);
  firsts.forEach((patch, group) =>
    different.set(pixels.subarray(patch * dimensions, (patch + 1) * dimensions), group * dimensions),
  );
  return {
    patches: { ...patches, pixels: different, shape: [firsts.length, size, size, channels] },
    ...copiesOf(groups, firsts.length),
  };
}

/**
 * The nearest patches from the nearest different ones: each of them stands for all its copies, and of equally near
 * patches those with lower indices come first, whichever they copy.
 */
export function withCopies(
  { starts, ids }: UniquePatches,
  found: Neighbors,
  foundEach: number,
  neighbors: number,
): Neighbors {
  const length = found.ids.length / foundEach;
  const result = {
    ids: new Int32Array(length * neighbors),
    distances: new Float64Array(length * neighbors),
  };
  for (let query = 0; query < length; query++) {
    const candidates: { readonly id: number; readonly distance: number }[] = [];
    for (let rank = query * foundEach; rank < (query + 1) * foundEach; rank++) {
      const group = found.ids[rank]!;
      const end = Math.min(starts[group + 1]!, starts[group]! + neighbors);
      for (let copy = starts[group]!; copy < end; copy++)
        candidates.push({ id: ids[copy]!, distance: found.distances[rank]! });
    }
    candidates.sort((a, b) => a.distance - b.distance || a.id - b.id);
    for (let rank = 0; rank < neighbors; rank++) {
      result.ids[query * neighbors + rank] = candidates[rank]!.id;
      result.distances[query * neighbors + rank] = candidates[rank]!.distance;
    }
  }
  return result;
}

/** Lists the members of each group in ascending order. */
function copiesOf(groups: Int32Array, count: number): Pick<UniquePatches, 'starts' | 'ids'> {
  const starts = new Int32Array(count + 1);
  for (const group of groups) starts[group + 1]!++;
  for (let group = 0; group < count; group++) starts[group + 1]! += starts[group]!;
  const next = starts.slice(0, count);
  const ids = new Int32Array(groups.length);
  groups.forEach((group, patch) => (ids[next[group]!++] = patch));
  return { starts, ids };
}

/** FNV-1a (Fowler, Noll and Vo) with its high bits mixed into the low ones. */
function hashOf(pixels: Uint8Array, at: number, length: number): number {
  let hash = 0x811c9dc5;
  for (let index = at; index < at + length; index++) hash = Math.imul(hash ^ pixels[index]!, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

function areEqual(pixels: Uint8Array, first: number, second: number, length: number): boolean {
  for (let index = 0; index < length; index++)
    if (pixels[first + index] !== pixels[second + index]) return false;
  return true;
}
