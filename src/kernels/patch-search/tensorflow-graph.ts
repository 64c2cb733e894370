/**
 * The patch search as functions of TensorFlow. Grey levels have 128 subtracted, which keeps distances, so that their products
 * are small: y = x − 128, p = q − 128. The order of patches is that of the score 2 p·y − |y|² = |p|² − |q − x|², highest first,
 * which one matrix product computes: a row of the database is y and the digits of |y|² to base 256, a query is 2p and the weights
 * of the digits with a minus. All of these are whole numbers of eight bits (but for powers of 2), which TF32 keeps as well.
 */
import { emitCarried } from '../../tensors/tensorflow/graph/carried-bytes.ts';
import { FloatWriter } from '../../tensors/tensorflow/graph/float-writer.ts';
import { graphFunction } from '../../tensors/tensorflow/graph/functions.ts';
import { float32, int32, type Output, uint8 } from '../../tensors/tensorflow/graph/graph-builder.ts';

/** Consecutive patches of which the best score is looked at first. */
export const patchesPerGroup = 64;
/** Patches that are measured at a time. */
export const groupsPerBlock = 256;

const middle = 128;
/** A value of a row of the database is at most this far from the middle. */
export const mostFromMiddle = 128;

/** Number of digits to base 256 of |y|² for patches of `dimensions` values. */
export function digitsOf(dimensions: number): number {
  return Math.ceil(Math.log2(mostFromMiddle ** 2 * dimensions + 1) / 8);
}

/** Rows of the database, `[n, dimensions + digits]`, from bytes of `carryBytes`: the patch, and 1 if it only fills a group. */
export const databaseRows = graphFunction((dimensions: number) => {
  const writer = new FloatWriter();
  const { placeholder, bytes } = emitCarried(writer.graph, 'patches', dimensions + 1);
  const values = writer.graph.add('Cast', [bytes], { SrcT: uint8, DstT: float32 });
  const y = writer.subtract(writer.slice(values, [null, null], [null, dimensions]), writer.number(middle));
  const isFilling = writer.slice(values, [null, dimensions], [null, dimensions + 1]);
  const square = writer.reduce('Sum', writer.float('Square', y), 1, true);
  const count = digitsOf(dimensions);
  const digits = Array.from({ length: count }, (_, digit) => {
    const shifted = writer.float('Floor', writer.multiply(square, writer.number(256 ** -digit)));
    const value = writer.float('FloorMod', shifted, writer.number(256));
    // A row without a patch is farther than all others.
    const farthest = writer.multiply(isFilling, writer.number(255));
    return digit === count - 1 ? writer.float('Maximum', value, farthest) : value;
  });
  return { graph: writer.graph, inputs: [placeholder], outputs: [writer.join([y, ...digits], 1)] };
});

/** Queries as the product needs them, `[n, dimensions + digits]`, from float32 grey levels. */
export const queryRows = graphFunction((dimensions: number) => {
  const writer = new FloatWriter();
  const levels = writer.graph.placeholder('queries', float32, [-1, dimensions]);
  return { graph: writer.graph, inputs: [levels], outputs: [emitQueries(writer, levels, dimensions)] };
});

/** The same from bytes of `carryBytes`. */
export const queryRowsOfBytes = graphFunction((dimensions: number) => {
  const writer = new FloatWriter();
  const { placeholder, bytes } = emitCarried(writer.graph, 'queries', dimensions);
  const values = writer.graph.add('Cast', [bytes], { SrcT: uint8, DstT: float32 });
  const levels = writer.slice(values, [null, null], [null, dimensions]);
  return { graph: writer.graph, inputs: [placeholder], outputs: [emitQueries(writer, levels, dimensions)] };
});

export interface SearchSize {
  /** Groups of the database. */
  readonly groups: number;
  readonly width: number;
  /** Groups that are looked into. */
  readonly chosen: number;
  /** Candidates of each query. */
  readonly kept: number;
}

/** Key of the functions that search. */
export const searchKey = ({ groups, width, chosen, kept }: SearchSize): string =>
  [groups, width, chosen, kept].join();

/**
 * The groups with the best scores, `[n, chosen]`, and the score of the last of them, `[n, 1]`, from the database and queries. One
 * block of the database is measured after the other, so that only its scores are in memory.
 */
export const bestGroups = graphFunction((key: string) => {
  const writer = new FloatWriter();
  const { graph } = writer;
  const { groups, width, chosen } = sizeOf(key);
  const { inputs, database, queries } = placeholders(writer, width);
  const best: Output[] = [];
  for (let first = 0; first < groups; first += groupsPerBlock) {
    const count = Math.min(groupsPerBlock, groups - first);
    const [begin, end] = [first, first + count].map((group) => group * patchesPerGroup);
    const block = writer.slice(database, [begin!, null], [end!, null]);
    const previous = best.at(-1);
    const wait = previous === undefined ? [] : [graph.after(previous)];
    const scores = writer.with('MatMul', [queries, block, ...wait], {
      transpose_a: false,
      transpose_b: true,
    });
    best.push(writer.reduce('Max', writer.reshape(scores, [-1, count, patchesPerGroup]), 2, false));
  }
  const top = emitTop(writer, writer.join(best, 1), chosen);
  const last = writer.slice(top, [null, chosen - 1], [null, chosen]);
  return { graph, inputs, outputs: [graph.output(top, 1), last] };
});

/**
 * The places of the best patches of the chosen groups, `[n, kept]`, which count through these groups, and the score of the last of
 * them, `[n, 1]`, from the database, queries and groups.
 */
export const bestOfGroups = graphFunction((key: string) => {
  const writer = new FloatWriter();
  const { graph } = writer;
  const { groups, width, chosen, kept } = sizeOf(key);
  const { inputs, database, queries } = placeholders(writer, width);
  const numbers = graph.placeholder('groups', int32, [-1, chosen]);
  const byGroup = writer.reshape(database, [groups, patchesPerGroup * width]);
  const rows = writer.reshape(writer.takeRows(byGroup, numbers), [-1, chosen * patchesPerGroup, width]);
  const scores = writer.with('BatchMatMulV2', [rows, writer.reshape(queries, [-1, width, 1])], {
    adj_x: false,
    adj_y: false,
  });
  const top = emitTop(writer, writer.reshape(scores, [-1, chosen * patchesPerGroup]), kept);
  const last = writer.slice(top, [null, kept - 1], [null, kept]);
  return { graph, inputs: [...inputs, numbers], outputs: [graph.output(top, 1), last] };
});

function placeholders(
  writer: FloatWriter,
  width: number,
): { readonly inputs: readonly Output[]; readonly database: Output; readonly queries: Output } {
  const database = writer.graph.placeholder('database', float32, [-1, width]);
  const queries = writer.graph.placeholder('queries', float32, [-1, width]);
  return { inputs: [database, queries], database, queries };
}

function emitQueries(writer: FloatWriter, levels: Output, dimensions: number): Output {
  const fromMiddle = writer.multiply(writer.subtract(levels, writer.number(middle)), writer.number(2));
  const weights = Float32Array.from({ length: digitsOf(dimensions) }, (_, digit) => -(256 ** digit));
  // Each query gets the weights: zeros of its own number, to which they are added.
  const zeros = writer.pad(writer.float('ZerosLike', writer.slice(fromMiddle, [null, 0], [null, 1])), [
    [0, 0],
    [0, weights.length - 1],
  ]);
  return writer.join([fromMiddle, writer.add(zeros, writer.graph.constant(weights, [1, weights.length]))], 1);
}

/** The highest values of each row and, as output 1, their places. */
function emitTop(writer: FloatWriter, values: Output, count: number): Output {
  return writer.with('TopKV2', [values, writer.graph.constant(Int32Array.of(count), [])], { sorted: true });
}

function sizeOf(key: string): SearchSize {
  const [groups, width, chosen, kept] = key.split(',').map(Number) as [number, number, number, number];
  return { groups, width, chosen, kept };
}
