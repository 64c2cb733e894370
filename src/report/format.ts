import { isRadius, isShare, readableRadius } from '../values/readable-number.ts';
import type { PublishedNumber } from './published.ts';

/** One number with its interval, like `accuracy`, `accuracyLow` and `accuracyHigh` of a row, or with its standard deviation over repeats. */
export interface Measured {
  readonly value: number | null;
  readonly low?: number | null;
  readonly high?: number | null;
  readonly deviation?: number | null;
  /** The number of the literature that stands beside it. */
  readonly published?: PublishedNumber;
}

/**
 * The number as `formatMeasured` writes it; a published one stands behind a slash: `43.1 % [40.2, 46.1] / 43.89 %`.
 */
export function formatPair(name: string, measured: Measured | undefined): string {
  const own = formatMeasured(name, measured);
  const published = measured?.published;
  return published === undefined ? own : `${own} / ${formatPublished(name, published)}`;
}

/** `43.89 %` with the digits that were published, and `30–40 %` for a range. */
export function formatPublished(name: string, { value, low, high }: PublishedNumber): string {
  const share = isShare(name);
  // Ten digits drop what binary fractions add to the published ones.
  const digits = (number: number): string => String(Number((share ? number * 100 : number).toPrecision(10)));
  const unit = share ? ' %' : '';
  const range = low === undefined || high === undefined ? undefined : `${digits(low)}–${digits(high)}`;
  if (value === null) return range === undefined ? '–' : `${range}${unit}`;
  return `${digits(value)}${unit}${range === undefined ? '' : ` (${range})`}`;
}

/**
 * `98.6 % [97.9, 99.1]` or `98.6 % ± 0.4` for shares, four significant digits for other numbers, and `–` if the number is
 * missing or undefined.
 */
export function formatMeasured(name: string, measured: Measured | undefined): string {
  if (measured === undefined) return '–';
  const { value, low, high, deviation } = measured;
  if (value === null || !Number.isFinite(value)) return '–';
  const share = isShare(name);
  const text = share
    ? `${(value * 100).toFixed(1)} %`
    : isRadius(name)
      ? readableRadius(value, 4)
      : formatNumber(value);
  if (deviation !== undefined)
    return deviation === null
      ? text
      : `${text} ± ${share ? (deviation * 100).toFixed(1) : formatNumber(deviation)}`;
  if (low === undefined || low === null || high === undefined || high === null) return text;
  if (!Number.isFinite(low) || !Number.isFinite(high)) return text;
  const bound = (end: number): string => (share ? (end * 100).toFixed(1) : formatNumber(end));
  return `${text} [${bound(low)}, ${bound(high)}]`;
}

/** Integers in full, other numbers with four significant digits and no trailing zeros. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  return String(Number(value.toPrecision(4)));
}
