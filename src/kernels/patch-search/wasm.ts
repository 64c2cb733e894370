/** Exact nearest patches by the WASM kernel: opens a patch database and answers queries. */
import type { Patches } from '../../values/patches.ts';
import type { KernelMemory } from '../../tensors/web-assembly.ts';
import { instantiateKernel } from '../instantiate.ts';
import { patchSearchModule } from './patch-search.wasm.ts';
import { checkQueries, type Neighbors } from './reference.ts';
import { uniquePatches, withCopies } from './unique-patches.ts';

export interface PatchSearch {
  /**
   * The `neighbors` nearest patches of each query, sorted by distance and then by index. `queries` is `[n,
   * size · size · channels]`, float32 grey levels in [0, 255]; 1 ≤ `neighbors` ≤ number of patches. Throws
   * `RangeError` for anything else.
   */
  readonly nearest: (queries: Float32Array, neighbors: number) => Neighbors;
  /** Bytes of WASM memory. */
  readonly bytes: () => number;
}

/** The exports of `patch-search.as.ts`. */
interface Kernel {
  readonly memory: KernelMemory;
  allocate(count: number, dimensions: number, step: number, staged: number): number;
  reserve(queries: number, neighbors: number): number;
  basisAddress(): number;
  meanAddress(): number;
  stagingAddress(): number;
  idsAddress(): number;
  patchesAddress(): number;
  patchStride(): number;
  queriesAddress(): number;
  orderAddress(): number;
  resultIdsAddress(): number;
  resultDistancesAddress(): number;
  encodePatches(first: number, length: number): void;
  buildTree(): void;
  prepare(length: number): void;
  search(length: number, neighbors: number): void;
}

/** Number of patches that the kernel encodes at a time. */
const chunk = 4096;

/**
 * Copies the patches into a WASM memory of their own and builds the search tree. Throws `RangeError` if there
 * is not enough memory.
 */
export function openPatchSearch(patches: Patches): PatchSearch {
  if (patches.shape[0] === 0) throw new RangeError('the patch database is empty');
  const unique = uniquePatches(patches);
  if (unique === null) return openTree(patches);
  const tree = openTree(unique.patches);
  const [count, size, , channels] = patches.shape;
  const dimensions = size * size * channels;
  return {
    nearest: (queries, neighbors) => {
      checkQueries(queries, neighbors, dimensions, count);
      const each = Math.min(neighbors, unique.patches.shape[0]);
      return withCopies(unique, tree.nearest(queries, each), each, neighbors);
    },
    bytes: tree.bytes,
  };
}

/** The search among patches of which most differ. */
function openTree(patches: Patches): PatchSearch {
  const [count, size, , channels] = patches.shape;
  const dimensions = size * size * channels;
  const kernel = instantiateKernel(patchSearchModule) as Kernel;
  // Two patches differ by at most 255·√dimensions, which must fit into int16 with room for rounding.
  const step = (255 * Math.sqrt(dimensions) * 1.04) / 32767;
  if (kernel.allocate(count, dimensions, step, chunk) === 0) {
    throw new RangeError(`not enough memory for the search tree of ${count} patches`);
  }
  new Float32Array(kernel.memory.buffer, kernel.basisAddress(), dimensions ** 2).set(patches.basis);
  new Float32Array(kernel.memory.buffer, kernel.meanAddress(), dimensions).set(patches.mean);
  const bytes = new Uint8Array(kernel.memory.buffer);
  for (let first = 0; first < count; first += chunk) {
    const end = Math.min(count, first + chunk);
    bytes.set(patches.pixels.subarray(first * dimensions, end * dimensions), kernel.stagingAddress());
    kernel.encodePatches(first, end - first);
  }
  kernel.buildTree();
  placePatches(kernel, patches.pixels, count, dimensions);
  return {
    nearest: (queries, neighbors) => nearest(kernel, queries, neighbors, count, dimensions),
    bytes: () => kernel.memory.buffer.byteLength,
  };
}

/** Writes the patches' bytes in the order of the leaves, each padded with zeros. */
function placePatches(kernel: Kernel, pixels: Uint8Array, count: number, dimensions: number): void {
  const stride = kernel.patchStride();
  const ids = new Int32Array(kernel.memory.buffer, kernel.idsAddress(), count);
  const places = new Uint8Array(kernel.memory.buffer, kernel.patchesAddress(), count * stride).fill(0);
  for (let place = 0; place < count; place++) {
    const from = ids[place]! * dimensions;
    places.set(pixels.subarray(from, from + dimensions), place * stride);
  }
}

function nearest(
  kernel: Kernel,
  queries: Float32Array,
  neighbors: number,
  count: number,
  dimensions: number,
): Neighbors {
  checkQueries(queries, neighbors, dimensions, count);
  const length = queries.length / dimensions;
  if (kernel.reserve(length, neighbors) === 0)
    throw new RangeError(`not enough memory for ${length} queries`);
  const { buffer } = kernel.memory;
  new Float32Array(buffer, kernel.queriesAddress(), queries.length).set(queries);
  kernel.prepare(length);
  const order = new Int32Array(buffer, kernel.orderAddress(), length);
  order.set(byLeaf(order));
  kernel.search(length, neighbors);
  return {
    ids: new Int32Array(buffer, kernel.resultIdsAddress(), length * neighbors).slice(),
    distances: new Float64Array(buffer, kernel.resultDistancesAddress(), length * neighbors).slice(),
  };
}

/** Orders queries by leaf, so that neighbours in the tree follow each other. */
function byLeaf(leaves: Int32Array): Float64Array {
  const keys = Float64Array.from(leaves, (leaf, query) => leaf * leaves.length + query).sort();
  return keys.map((key) => key % leaves.length);
}
