/**
 * Exact nearest patches by functions of TensorFlow (`tensorflow-graph.ts`), for GPUs. The database goes to the device once, as
 * bytes. The device finds candidates: first the groups of patches with the best scores, then the best patches of these. They are
 * measured again in float64, and a query of which a patch beyond them may be as near goes through the tree.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { BackendError } from '../../tensors/backend.ts';
import type { ContextBinding } from '../../tensors/tensorflow/context.ts';
import { carriedLength, carryBytes } from '../../tensors/tensorflow/graph/carried-bytes.ts';
import { keepsTensors } from '../../tensors/tensorflow/graph/session.ts';
import { tf } from '../../tensors/tf.ts';
import type { Patches } from '../../values/patches.ts';
import type { MatrixSearch } from './matrix-search.ts';
import { chooseNeighbors, type Found } from './choose-neighbors.ts';
import { checkQueries, type Neighbors } from './reference.ts';
import {
  bestGroups,
  bestOfGroups,
  databaseRows,
  digitsOf,
  mostFromMiddle,
  patchesPerGroup,
  queryRows,
  queryRowsOfBytes,
  searchKey,
  type SearchSize,
} from './tensorflow-graph.ts';
import { uniquePatches, withCopies } from './unique-patches.ts';
import { openPatchSearch, type PatchSearch } from './wasm.ts';

/** Number of candidates beyond K, so that the certificate below seldom fails. */
const spare = 8;
/** Queries whose scores are in memory at a time: 67 MB with a block of the database. */
const queriesPerCall = 1024;
/** Values of patches in groups that are looked into at a time: 64 MB. */
const valuesPerCall = 2 ** 24;
/** Patches that are unpacked at a time when the database goes to the device. */
const patchesPerUpload = 2 ** 16;

export interface TensorflowSearch extends MatrixSearch {
  /** Queries so far that went through the tree. */
  readonly doubtful: () => number;
}

/** Options for tests. */
export interface SearchOptions {
  /** Whether products keep eleven bits of their factors (TF32); by default, whether those of the device do. */
  readonly roundsProducts?: boolean;
}

/**
 * Sends the database to the device of TensorFlow, which must be the current backend: 4 bytes for each value and 12 a patch stay
 * there, and twice as many while it is opened. The search gives what `searchByMeasuringAll` gives, bit for bit. Throws `RangeError`
 * for an empty database, and `BackendError` if TensorFlow was set up by an earlier ravelin.
 */
export function openTensorflowSearch(patches: Patches, options: SearchOptions = {}): TensorflowSearch {
  if (!keepsTensors())
    throw new BackendError('TensorFlow was set up by an earlier ravelin; run ravelin setup tensorflow again');
  const [count, size, , channels] = patches.shape;
  if (count === 0) throw new RangeError('the patch database is empty');
  const unique = uniquePatches(patches);
  if (unique === null) return openDifferent(patches, options);
  const search = openDifferent(unique.patches, options);
  return {
    ...search,
    nearest: async (queries, neighbors) => {
      checkQueries(queries, neighbors, size * size * channels, count);
      const each = Math.min(neighbors, unique.patches.shape[0]);
      return withCopies(unique, await search.nearest(queries, each), each, neighbors);
    },
  };
}

/** The search among patches that all differ. */
function openDifferent(
  patches: Patches,
  { roundsProducts = computesWithTf32() }: SearchOptions,
): TensorflowSearch {
  const [count, size, , channels] = patches.shape;
  const dimensions = size * size * channels;
  const database = uploadPatches(patches, dimensions);
  let tree: PatchSearch | undefined;
  let doubtful = 0;
  const exactly = (queries: Float32Array, neighbors: number): Neighbors => {
    doubtful += queries.length / dimensions;
    tree ??= openPatchSearch(patches);
    return tree.nearest(queries, neighbors);
  };
  return {
    async nearest(queries, neighbors) {
      checkQueries(queries, neighbors, dimensions, count);
      const kept = Math.min(count, neighbors + spare);
      const groups = database.shape[0] / patchesPerGroup;
      const width = dimensions + digitsOf(dimensions);
      const searched = { groups, width, chosen: Math.min(kept, groups), kept };
      const isWhole = queries.every(Number.isInteger);
      // Eleven bits hold whole grey levels only.
      const rounded = roundsProducts && !isWhole ? queries.map(Math.round) : queries;
      const found = await findCandidates(database, rounded, dimensions, searched);
      const beyond = (query: Float32Array, score: number): number =>
        leastBeyond(query, score, roundsProducts && !isWhole, isWhole || roundsProducts);
      return chooseNeighbors(patches, queries, neighbors, found, beyond, exactly);
    },
    dispose: () => database.dispose(),
    doubtful: () => doubtful,
  };
}

function computesWithTf32(): boolean {
  const { binding, isUsingGpuDevice } = tf.backend() as unknown as {
    readonly binding: ContextBinding;
    readonly isUsingGpuDevice: boolean;
  };
  return isUsingGpuDevice && binding.tensorFloat32?.() !== false;
}

/** Rows of the database, filled up to whole groups. */
function uploadPatches({ pixels, shape: [count] }: Patches, dimensions: number): Tensor2D {
  const rows = Math.ceil(count / patchesPerGroup) * patchesPerGroup;
  const width = carriedLength(dimensions + 1);
  const parts: Tensor[] = [];
  for (let first = 0; first < rows; first += patchesPerUpload) {
    const length = Math.min(patchesPerUpload, rows - first);
    const bytes = new Uint8Array(length * width);
    for (let row = 0; row < length; row++) {
      const from = (first + row) * dimensions;
      if (first + row < count) bytes.set(pixels.subarray(from, from + dimensions), row * width);
      else bytes[row * width + dimensions] = 1;
    }
    const carried = carryBytes(bytes, length);
    parts.push(...databaseRows([carried], dimensions));
    carried.dispose();
  }
  if (parts.length === 1) return parts[0] as Tensor2D;
  const database = tf.concat(parts as Tensor2D[], 0);
  tf.dispose(parts);
  return database;
}

/** The best `kept` patches of each query; numbers from `count` on are those of rows that only fill a group. */
async function findCandidates(
  database: Tensor2D,
  queries: Float32Array,
  dimensions: number,
  size: SearchSize,
): Promise<Found> {
  const { chosen, kept } = size;
  const length = queries.length / dimensions;
  const ids = new Int32Array(length * kept);
  const beyond = new Float32Array(length);
  for (let first = 0; first < length; first += queriesPerCall) {
    const rows = Math.min(queriesPerCall, length - first);
    const part = uploadQueries(
      queries.subarray(first * dimensions, (first + rows) * dimensions),
      rows,
      dimensions,
    );
    const [groups, groupScores] = bestGroups([database, part], searchKey(size)) as [Tensor2D, Tensor2D];
    const numbers = (await groups.data()) as Int32Array;
    const lastGroups = (await groupScores.data()) as Float32Array;
    const step = Math.max(1, Math.floor(valuesPerCall / (chosen * patchesPerGroup * size.width)));
    for (let begin = 0; begin < rows; begin += step) {
      const some = Math.min(step, rows - begin);
      const isAll = some === rows;
      const inputs = isAll ? [part, groups] : [rowsOf(part, begin, some), rowsOf(groups, begin, some)];
      const [places, scores] = bestOfGroups([database, ...inputs], searchKey(size));
      const found = (await places!.data()) as Int32Array;
      const last = (await scores!.data()) as Float32Array;
      tf.dispose([...(isAll ? [] : inputs), places!, scores!]);
      for (let row = 0; row < some; row++) {
        const query = first + begin + row;
        for (let rank = 0; rank < kept; rank++) {
          const place = found[row * kept + rank]!;
          const group = numbers[(begin + row) * chosen + Math.floor(place / patchesPerGroup)]!;
          ids[query * kept + rank] = group * patchesPerGroup + (place % patchesPerGroup);
        }
        // Groups that were not looked into have at most the score of the last one that was.
        const isOutside = chosen < size.groups;
        beyond[query] = isOutside ? Math.max(last[row]!, lastGroups[begin + row]!) : last[row]!;
      }
    }
    tf.dispose([part, groups, groupScores]);
  }
  return { kept, ids, beyond };
}

function rowsOf(x: Tensor2D, first: number, count: number): Tensor2D {
  return tf.slice(x, [first, 0], [count, x.shape[1]]);
}

/** Queries on the device; as bytes if all are whole. */
function uploadQueries(queries: Float32Array, rows: number, dimensions: number): Tensor2D {
  const isWhole = queries.every(Number.isInteger);
  const width = carriedLength(dimensions);
  let sent: Tensor2D;
  if (isWhole) {
    const bytes = new Uint8Array(rows * width);
    for (let row = 0; row < rows; row++)
      bytes.set(queries.subarray(row * dimensions, (row + 1) * dimensions), row * width);
    sent = carryBytes(bytes, rows);
  } else sent = tf.tensor2d(queries, [rows, dimensions]);
  const [placed] = isWhole ? queryRowsOfBytes([sent], dimensions) : queryRows([sent], dimensions);
  sent.dispose();
  return placed as Tensor2D;
}

/**
 * Lower bound on the squared distance from `query` of all patches beyond the candidates, whose scores on the device are at most
 * `score`: |q̂ − x|² = |p̂|² − score, less what the roundings of the product and of the query to q̂ may hide. Whole queries of
 * up to 341 values have no roundings, as all sums are whole numbers below 2²⁴.
 */
function leastBeyond(query: Float32Array, score: number, isRounded: boolean, isWhole: boolean): number {
  let [square, size, moved] = [0, 0, 0];
  for (const value of query) {
    const near = isRounded ? Math.round(value) : value;
    const fromMiddle = near - mostFromMiddle;
    square += fromMiddle * fromMiddle;
    size += Math.abs(fromMiddle);
    moved += (value - near) ** 2;
  }
  const dimensions = query.length;
  const products = 2 * mostFromMiddle * size + mostFromMiddle ** 2 * dimensions;
  const isExact = isWhole && 3 * mostFromMiddle ** 2 * dimensions < 2 ** 24;
  // Each of the sums of float32 numbers, and the doubled query itself, is rounded.
  const rounding = isExact ? 0 : (dimensions + 8) * 2 ** -23 * products;
  const least = Math.sqrt(Math.max(0, square - score - rounding));
  // A little less, to allow for the roundings of float64.
  const distance = Math.max(0, least - Math.sqrt(moved));
  return isExact && moved === 0 ? square - score : distance ** 2 * (1 - 1e-12);
}
