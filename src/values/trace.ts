import { concatArrays } from './concat-arrays.ts';

/** The norms in which a trace may measure distances; L0 counts the values that differ. */
export type TraceNorm = 'linf' | 'l2' | 'l1' | 'l0';

/**
 * The course of an attack on each image: the points that it visited, and the result as the last one. The entries of all
 * images follow one another, `lengths[0]` of the first image, then `lengths[1]` of the second, so that images end at
 * different steps and a trace can be cut and joined. All other arrays are `[entries]`.
 */
export interface Trace {
  /** Norm of the distances. */
  readonly norm: TraceNorm;
  /** The loss that the attack climbs. */
  readonly loss: string;
  /** Number of entries of each image, `[count]`. */
  readonly lengths: Int32Array;
  /** Step of each entry: 0 at the first point that was visited. The steps of an image rise. */
  readonly steps: Int32Array;
  /** The loss, in the direction in which the attack moves it: higher is nearer to the goal. NaN if the attack sees no logits. */
  readonly losses: Float32Array;
  /** max_{k≠y} Z_k − Z_y at the true label y, or its negative at the target of a targeted attack: above 0 at the goal. */
  readonly margins: Float32Array;
  /** ‖x′ − x‖ of the point. */
  readonly distances: Float32Array;
  /** The highest loss so far; −∞ if there is none yet. */
  readonly bestLosses: Float32Array;
  /** The smallest distance so far of a point that reached the goal; infinite if none did. */
  readonly bestDistances: Float32Array;
  /** 1 for a point that is misclassified (or classified as its target), 0 for another, 2 if its class is not known. */
  readonly reached: Uint8Array;
}

/** The class at a point is not known, because the logits were those of another point. */
export const unknownClass = 2;

/** The arrays that have one value for each entry. */
const perEntry = [
  'steps',
  'losses',
  'margins',
  'distances',
  'bestLosses',
  'bestDistances',
  'reached',
] as const;

/** A perturbation without the course of the attack, which later stages do not pass on. */
export function withoutTrace<P extends { readonly trace?: Trace }>(perturbation: P): Omit<P, 'trace'> {
  const { trace: _trace, ...rest } = perturbation;
  return rest;
}

/** The trace of the images `first … end − 1`, which shares memory with the whole. */
export function cutTrace(trace: Trace, first: number, end: number): Trace {
  const from = sum(trace.lengths.subarray(0, first));
  const to = from + sum(trace.lengths.subarray(first, end));
  const cut = Object.fromEntries(perEntry.map((name) => [name, trace[name].subarray(from, to)]));
  return { ...trace, ...cut, lengths: trace.lengths.subarray(first, end) };
}

/** The traces of all parts; null if a part has none, or if they do not measure the same. */
export function joinTraces(parts: readonly (Trace | undefined)[]): Trace | null {
  const traces = parts.filter((part) => part !== undefined);
  const [head] = traces;
  if (head === undefined || traces.length < parts.length) return null;
  if (traces.some(({ norm, loss }) => norm !== head.norm || loss !== head.loss)) return null;
  const joined = ['lengths', ...perEntry].map((name) => [
    name,
    concatArrays(traces.map((trace) => trace[name as keyof Trace] as Float32Array)),
  ]);
  return { norm: head.norm, loss: head.loss, ...Object.fromEntries(joined) } as Trace;
}

/** The first error in the arrays of a trace of `count` images; null if there is none. */
export function traceProblem(trace: Trace, count: number): string | null {
  const { norm, loss, lengths, steps, reached } = trace;
  if (!['linf', 'l2', 'l1', 'l0'].includes(norm) || typeof loss !== 'string') return 'has no norm or no loss';
  if (!(lengths instanceof Int32Array && steps instanceof Int32Array && reached instanceof Uint8Array))
    return 'has lengths or steps that are not an Int32Array, or reached that is not a Uint8Array';
  if (lengths.length !== count) return `is of ${lengths.length} images, not ${count}`;
  if (lengths.some((length) => length < 0)) return 'has a length below 0';
  const entries = sum(lengths);
  for (const name of perEntry) {
    const values = trace[name];
    if (name !== 'steps' && name !== 'reached' && !(values instanceof Float32Array))
      return `has ${name} that are not a Float32Array`;
    if (values.length !== entries) return `has ${values.length} ${name} for ${entries} entries`;
  }
  return null;
}

function sum(lengths: Int32Array): number {
  return lengths.reduce((total, length) => total + length, 0);
}
