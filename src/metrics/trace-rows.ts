import type { MetricsRow } from '../values/metrics.ts';
import { type Trace, unknownClass } from '../values/trace.ts';
import { wilsonInterval } from './wilson.ts';

/**
 * The course of an attack over its images, one row for each of at most `points` steps: all of them, or those that are
 * multiples of a power of two, and the last. An image that has ended stays at its result.
 *
 * - `n` images, of which `attacked` have visited more than their result (the others had reached the goal before);
 * - `reachedRate`: share of the images that are misclassified (or classified as their target) at the step, with its 95 %
 *   interval; null if the class of an image is not known there;
 * - `foundRate`: the same at this step or any before it;
 * - `loss` and `bestLoss`: means over the attacked images, in the direction in which the attack moves the loss;
 * - `margin`, `distance`, `bestDistance`: medians over the attacked images. `bestDistance` is the smallest distance at which
 *   an image has reached the goal so far; it is null while half of the images have none.
 */
export function traceRows(trace: Trace, points: number): readonly MetricsRow[] {
  const images = imagesOf(trace);
  const attacked = images.some(({ from, to }) => to - from > 1)
    ? images.filter(({ from, to }) => to - from > 1)
    : images;
  return stepsOf(trace, points).map((step) => {
    const at = ({ from, to }: Extent): number => latest(trace.steps, from, to, step);
    const all = images.map(at);
    const some = attacked.map(at);
    const of = (values: Float32Array): readonly number[] => some.map((entry) => values[entry]!);
    const isKnown = all.every((entry) => trace.reached[entry] !== unknownClass);
    const reached = all.filter((entry) => trace.reached[entry] === 1).length;
    const found = all.filter((entry) => trace.bestDistances[entry]! < Infinity).length;
    const n = all.length;
    return {
      axes: { step },
      values: {
        n,
        attacked: some.length,
        ...rateOf('reachedRate', isKnown ? reached : null, n),
        ...rateOf('foundRate', found, n),
        loss: mean(of(trace.losses)),
        bestLoss: mean(of(trace.bestLosses)),
        margin: median(of(trace.margins)),
        distance: median(of(trace.distances)),
        bestDistance: median(of(trace.bestDistances)),
      },
    };
  });
}

/** The entries of one image, `from … to − 1`. */
interface Extent {
  readonly from: number;
  readonly to: number;
}

function imagesOf({ lengths }: Trace): readonly Extent[] {
  let from = 0;
  return Array.from(lengths, (length) => ({ from, to: (from += length) }));
}

/** The steps of the rows. The entries of a long course are at multiples of a power of two as well, so none falls between two. */
function stepsOf({ steps }: Trace, points: number): readonly number[] {
  const last = steps.reduce((most, step) => Math.max(most, step), 0);
  let stride = 1;
  while (Math.ceil(last / stride) + 1 > points) stride *= 2;
  const kept = Array.from({ length: Math.ceil(last / stride) }, (_, index) => index * stride);
  return [...kept, last];
}

/** The last entry of an image at a step or before it; its first one if it begins later. */
function latest(steps: Int32Array, from: number, to: number, step: number): number {
  let low = from;
  let high = to - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (steps[middle]! <= step) low = middle;
    else high = middle - 1;
  }
  return low;
}

function rateOf(name: string, count: number | null, n: number): Readonly<Record<string, number | null>> {
  const interval = count === null ? null : wilsonInterval(count, n);
  return {
    [name]: count === null || n === 0 ? null : count / n,
    [`${name}Low`]: interval?.low ?? null,
    [`${name}High`]: interval?.high ?? null,
  };
}

function mean(values: readonly number[]): number | null {
  const sum = values.reduce((total, value) => total + value, 0);
  return values.length > 0 && Number.isFinite(sum) ? sum / values.length : null;
}

function median(values: readonly number[]): number | null {
  if (values.length === 0 || values.some(Number.isNaN)) return null;
  const sorted = values.toSorted((one, other) => one - other);
  const middle = (sorted[Math.floor((values.length - 1) / 2)]! + sorted[Math.floor(values.length / 2)]!) / 2;
  return Number.isFinite(middle) ? middle : null;
}
