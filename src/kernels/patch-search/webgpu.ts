/**
 * Exact nearest patches in WGSL. The database is on the device as bytes, four to a word. A thread holds one
 * query and the best patches that it has found; the 64 threads of a workgroup fetch a tile of patches
 * together, and each measures all of it. A workgroup sees one slice of the database, and a second pass merges
 * the lists of all slices. Only those lists are read back.
 *
 * Distances on the device are integers, so that every driver finds the same. A query q is rounded to q̂ in
 * steps of 2⁻ᶠ, stored as two bytes (whole grey levels and the fraction), and ‖x − q̂‖² is ordered like the
 * score 2ᶠ⁻¹ |x|² − 2ᶠ q̂·x, which fits into 32 bits.
 */
import { type Compute, openCompute } from '../../tensors/webgpu/compute.ts';
import type { Patches } from '../../values/patches.ts';
import { chooseNeighbors } from './choose-neighbors.ts';
import { checkQueries, mostNeighbors, type Neighbors } from './reference.ts';
import { openPatchSearch, type PatchSearch } from './wasm.ts';

export interface WebGpuSearch {
  /** Does what `PatchSearch.nearest` does, for at most `mostNeighbors`. */
  readonly nearest: (queries: Float32Array, neighbors: number) => Promise<Neighbors>;
  readonly dispose: () => void;
}

/** Number of candidates beyond K, because rounding a query may change the order. */
const spare = 8;
const lanes = 64;
const queriesPerBlock = 2048;
const patchesPerSlice = 16_384;
/** Bytes of workgroup memory that every device has, less those of the squares. */
const tileBytes = 16_000;
/** Number of vectors of a patch up to which loops over them are unrolled: 6×6×3. */
const mostUnrolled = 8;
/** Score of an empty place in a list. */
const none = 2 ** 31 - 1;

/** The layout of queries and patches on the device. */
interface Layout {
  readonly dimensions: number;
  /** Number of vectors of 16 bytes that hold the dimensions. */
  readonly vectors: number;
  /** f, the bits of the fraction: the most that keep every score below 2³¹. */
  readonly bits: number;
  /** Number of patches that a workgroup fetches at a time. */
  readonly tile: number;
}

/** A run of consecutive patches in a buffer of its own. */
interface Part {
  readonly count: number;
  readonly patches: GPUBuffer;
  readonly uniform: GPUBuffer;
  readonly slices: number;
}

/**
 * Uploads the database to the device of the webgpu backend, which becomes the current one. The search gives
 * what `searchByMeasuringAll` gives, bit for bit: candidates are measured again in float64, and if rounding
 * leaves room for a patch beyond them that is as near as the last neighbour, the query goes through the tree.
 * Throws `BackendError` if WebGPU is not ready, and `RangeError` for an empty database.
 */
export async function openWebGpuSearch(patches: Patches): Promise<WebGpuSearch> {
  const [count, size, , channels] = patches.shape;
  if (count === 0) throw new RangeError('the patch database is empty');
  const compute = await openCompute();
  const layout = layoutOf(size * size * channels);
  const parts = uploadPatches(compute, patches, layout);
  let tree: PatchSearch | undefined;
  return {
    async nearest(queries, neighbors) {
      checkQueries(queries, neighbors, layout.dimensions, count);
      if (neighbors > mostNeighbors)
        throw new RangeError(`WGSL finds at most ${mostNeighbors} neighbours, got ${neighbors}`);
      const kept = Math.min(count, neighbors + spare);
      const scoresAndIds = await findCandidates(compute, parts, layout, queries, kept);
      const found = {
        kept,
        ids: scoresAndIds.filter((_, at) => at % 2 === 1),
        // The score of the last candidate of each query.
        beyond: Float64Array.from(
          { length: queries.length / layout.dimensions },
          (_, row) => scoresAndIds[2 * ((row + 1) * kept - 1)]!,
        ),
      };
      const bound = (query: Float32Array, score: number): number => leastBeyond(query, score, layout.bits);
      return chooseNeighbors(patches, queries, neighbors, found, bound, (left) => {
        tree ??= openPatchSearch(patches);
        return tree.nearest(left, neighbors);
      });
    },
    dispose: () => compute.release(...parts.flatMap(({ patches: buffer, uniform }) => [buffer, uniform])),
  };
}

function layoutOf(dimensions: number): Layout {
  const vectors = Math.ceil(dimensions / 16);
  return {
    dimensions,
    vectors,
    // Each value adds at most 255 · 255 · (1 + 1/255) · 2ᶠ to a score.
    bits: Math.min(8, Math.floor(Math.log2(2 ** 31 / (65_536 * dimensions)))),
    tile: Math.min(lanes, Math.floor(tileBytes / (16 * vectors))),
  };
}

/** Uploads the patches in as few parts as the device's limit of a buffer allows. */
function uploadPatches(compute: Compute, { pixels, shape: [count] }: Patches, layout: Layout): Part[] {
  const { dimensions, vectors } = layout;
  const slicesPerPart = Math.floor(
    compute.device.limits.maxStorageBufferBindingSize / (patchesPerSlice * vectors * 16),
  );
  const most = Math.max(1, slicesPerPart) * patchesPerSlice;
  const parts: Part[] = [];
  for (let first = 0; first < count; first += most) {
    const length = Math.min(most, count - first);
    const bytes = new Uint8Array(length * vectors * 16);
    for (let patch = 0; patch < length; patch++) {
      const from = (first + patch) * dimensions;
      bytes.set(pixels.subarray(from, from + dimensions), patch * vectors * 16);
    }
    const slices = Math.ceil(length / patchesPerSlice);
    const total = Math.ceil(count / patchesPerSlice);
    parts.push({
      count: length,
      patches: compute.upload(new Uint32Array(bytes.buffer)),
      uniform: compute.uniform(Uint32Array.of(length, first, total, first / patchesPerSlice)),
      slices,
    });
  }
  return parts;
}

/** The best `kept` patches of each query, sorted by score and then by index: `[queries, kept, 2]` scores and patches. */
async function findCandidates(
  compute: Compute,
  parts: readonly Part[],
  layout: Layout,
  queries: Float32Array,
  kept: number,
): Promise<Int32Array> {
  const { dimensions } = layout;
  const length = queries.length / dimensions;
  const scoresAndIds = new Int32Array(length * kept * 2);
  const slices = parts.reduce((sum, part) => sum + part.slices, 0);
  const rows = Math.min(queriesPerBlock, Math.ceil(length / lanes) * lanes);
  const lists = compute.allocate(rows * slices * kept * 8);
  const best = compute.allocate(rows * kept * 8);
  const total = compute.uniform(Uint32Array.of(slices));
  try {
    for (let first = 0; first < length; first += queriesPerBlock) {
      const block = queries.subarray(first * dimensions, (first + queriesPerBlock) * dimensions);
      const { packed, fractional } = packQueries(block, layout);
      const [scan, merge] = await Promise.all([
        compute.pipeline(scanPass(layout, kept, fractional)),
        compute.pipeline(mergePass(kept)),
      ]);
      const uploaded = compute.upload(packed);
      const groups = Math.ceil(block.length / dimensions / lanes);
      compute.submit([
        ...parts.map((part) =>
          compute.pass(scan, [part.uniform, part.patches, uploaded, lists], [groups, part.slices]),
        ),
        compute.pass(merge, [total, lists, best], [groups]),
      ]);
      const found = await compute.read(best, Int32Array);
      scoresAndIds.set(found.subarray(0, (block.length / dimensions) * kept * 2), first * kept * 2);
      compute.release(uploaded);
    }
  } finally {
    compute.release(lists, best, total);
  }
  return scoresAndIds;
}

/**
 * Packs queries as `[queries, whole and fraction, vectors]`, with as many queries as fill whole workgroups,
 * and without fractions if all are 0.
 */
function packQueries(
  queries: Float32Array,
  { dimensions, vectors, bits }: Layout,
): { packed: Uint32Array; fractional: boolean } {
  const rounded = Int32Array.from(queries, (value) => Math.round(value * 2 ** bits));
  const mask = 2 ** bits - 1;
  const fractional = rounded.some((value) => (value & mask) !== 0);
  const planes = fractional ? 2 : 1;
  const rows = queries.length / dimensions;
  const bytes = new Uint8Array(Math.ceil(rows / lanes) * lanes * planes * vectors * 16);
  for (let row = 0; row < rows; row++) {
    const whole = row * planes * vectors * 16;
    for (let index = 0; index < dimensions; index++) {
      const value = rounded[row * dimensions + index]!;
      bytes[whole + index] = value >> bits;
      if (fractional) bytes[whole + vectors * 16 + index] = value & mask;
    }
  }
  return { packed: new Uint32Array(bytes.buffer), fractional };
}

/**
 * Lower bound on the squared distance of patches beyond the candidates: they are at least as far from q̂ as
 * the last candidate, and q̂ is ‖q − q̂‖ from q. It is infinite if q̂ = q, because the device's order is then
 * that of the distances.
 */
function leastBeyond(query: Float32Array, lastScore: number, bits: number): number {
  let [rounded, moved] = [0, 0];
  for (const value of query) {
    const near = Math.round(value * 2 ** bits) / 2 ** bits;
    rounded += near * near;
    moved += (value - near) ** 2;
  }
  if (moved === 0) return Infinity;
  const last = Math.sqrt(Math.max(0, rounded + lastScore * 2 ** (1 - bits)));
  // This is a little less, to allow for the roundings of float64.
  return Math.max(0, last - Math.sqrt(moved)) ** 2 * (1 - 1e-12);
}

/**
 * Inserts `score` and `id` into a list that is sorted by score. Of equal scores, the one that came first
 * stays first.
 */
const insertion = (kept: number): string => `
  var at = ${kept - 1}u;
  while (at > 0u && scores[at - 1u] > score) {
    scores[at] = scores[at - 1u];
    ids[at] = ids[at - 1u];
    at--;
  }
  scores[at] = score;
  ids[at] = id;
  worst = scores[${kept - 1}u];`;

function scanPass({ vectors, bits, tile }: Layout, kept: number, fractional: boolean): string {
  // Arrays stay in registers if every index is a constant; for large patches that would take compilers long.
  const each = (line: (vector: string) => string): string =>
    vectors <= mostUnrolled
      ? Array.from({ length: vectors }, (_, vector) => line(`${vector}u`)).join(' ')
      : `for (var vector = 0u; vector < ${vectors}u; vector++) { ${line('vector')} }`;
  const stride = vectors * (fractional ? 2 : 1);
  return `
struct Part { count: u32, first: u32, slices: u32, firstSlice: u32 }
@group(0) @binding(0) var<uniform> part: Part;
@group(0) @binding(1) var<storage, read> patches: array<vec4u>;
@group(0) @binding(2) var<storage, read> queries: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> lists: array<vec2i>;

var<workgroup> tile: array<vec4u, ${tile * vectors}>;
var<workgroup> squares: array<i32, ${tile}>;

fn product(a: vec4u, b: vec4u) -> u32 {
  return dot4U8Packed(a.x, b.x) + dot4U8Packed(a.y, b.y) + dot4U8Packed(a.z, b.z) + dot4U8Packed(a.w, b.w);
}

@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let query = group.x * ${lanes}u + lane;
  var wholes: array<vec4u, ${vectors}>;
  var fractions: array<vec4u, ${vectors}>;
  ${each((v) => `wholes[${v}] = queries[query * ${stride}u + ${v}];`)}
  ${fractional ? each((v) => `fractions[${v}] = queries[query * ${stride}u + ${vectors}u + ${v}];`) : ''}
  var scores: array<i32, ${kept}>;
  var ids: array<i32, ${kept}>;
  for (var rank = 0u; rank < ${kept}u; rank++) { scores[rank] = ${none}; }
  var worst = ${none};
  let end = min((group.y + 1u) * ${patchesPerSlice}u, part.count);
  for (var start = group.y * ${patchesPerSlice}u; start < end; start += ${tile}u) {
    let length = min(${tile}u, end - start);
    workgroupBarrier();
    if (lane < length) {
      var square = 0u;
      for (var vector = 0u; vector < ${vectors}u; vector++) {
        let values = patches[(start + lane) * ${vectors}u + vector];
        tile[lane * ${vectors}u + vector] = values;
        square += product(values, values);
      }
      squares[lane] = i32(square << ${bits - 1}u);
    }
    workgroupBarrier();
    for (var place = 0u; place < length; place++) {
      var whole = 0u;
      var fraction = 0u;
      ${each((v) => `whole += product(tile[place * ${vectors}u + ${v}], wholes[${v}]);`)}
      ${fractional ? each((v) => `fraction += product(tile[place * ${vectors}u + ${v}], fractions[${v}]);`) : ''}
      let score = squares[place] - i32((whole << ${bits}u) + fraction);
      if (score < worst) {
        let id = i32(part.first + start + place);
        ${insertion(kept)}
      }
    }
  }
  let list = (query * part.slices + part.firstSlice + group.y) * ${kept}u;
  for (var rank = 0u; rank < ${kept}u; rank++) { lists[list + rank] = vec2i(scores[rank], ids[rank]); }
}`;
}

/** The lists of a query, slice after slice, have rising indexes for equal scores. */
function mergePass(kept: number): string {
  return `
@group(0) @binding(0) var<uniform> slices: u32;
@group(0) @binding(1) var<storage, read> lists: array<vec2i>;
@group(0) @binding(2) var<storage, read_write> best: array<vec2i>;

@compute @workgroup_size(${lanes})
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let query = thread.x;
  var scores: array<i32, ${kept}>;
  var ids: array<i32, ${kept}>;
  for (var rank = 0u; rank < ${kept}u; rank++) { scores[rank] = ${none}; }
  var worst = ${none};
  for (var slice = 0u; slice < slices; slice++) {
    for (var rank = 0u; rank < ${kept}u; rank++) {
      let candidate = lists[(query * slices + slice) * ${kept}u + rank];
      let score = candidate.x;
      if (score >= worst) { break; }
      let id = candidate.y;
      ${insertion(kept)}
    }
  }
  for (var rank = 0u; rank < ${kept}u; rank++) { best[query * ${kept}u + rank] = vec2i(scores[rank], ids[rank]); }
}`;
}
