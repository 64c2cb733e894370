/** Linear scales with ticks at round numbers. */

export interface Scale {
  readonly domain: readonly [low: number, high: number];
  readonly range: readonly [from: number, to: number];
}

/** Value → pixel. A domain of zero width maps to the middle of the range. */
export function position({ domain, range }: Scale, value: number): number {
  const [low, high] = domain;
  const [from, to] = range;
  if (high === low) return (from + to) / 2;
  return from + ((value - low) / (high - low)) * (to - from);
}

/** Pixel → value: the inverse of `position`. */
export function invert({ domain, range }: Scale, pixel: number): number {
  const [low, high] = domain;
  const [from, to] = range;
  return low + ((pixel - from) / (to - from)) * (high - low);
}

/** Step between ticks: 1, 2 or 5 times a power of ten, so that about `count` of them cover `span`. */
export function niceStep(span: number, count: number): number {
  const raw = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const ratio = raw / power;
  const factor = ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10;
  return factor * power;
}

/** Round values inside `[low, high]`, including ends that are round themselves. */
export function ticks(low: number, high: number, count: number): readonly number[] {
  if (!(high > low)) return [low];
  const step = niceStep(high - low, count);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const values: number[] = [];
  // Multiples are rounded to the decimals of the step, because 0.1 × 3 would print as 0.30000000000000004.
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  for (let index = first; index <= last; index++)
    values.push(Number((index * step).toFixed(Math.min(digits, 20))));
  return values.map((value) => (value === 0 ? 0 : value));
}

/** Smallest domain with round ends that contains all finite values; `[0, 1]` if there are none. */
export function niceDomain(values: readonly number[], count: number): readonly [number, number] {
  const range = finiteRange(values);
  if (range === null) return [0, 1];
  const [low, high] = range;
  if (low === high) {
    const margin = low === 0 ? 1 : Math.abs(low) / 2;
    return [low - margin, high + margin];
  }
  const step = niceStep(high - low, count);
  return [roundTo(Math.floor(low / step + 1e-9), step), roundTo(Math.ceil(high / step - 1e-9), step)];
}

/** Smallest and largest of the finite values; null if there are none. */
export function finiteRange(values: readonly number[]): readonly [low: number, high: number] | null {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low > high ? null : [low, high];
}

function roundTo(multiple: number, step: number): number {
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return Number((multiple * step).toFixed(Math.min(digits, 20)));
}
