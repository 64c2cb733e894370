import { canonicalJson, isJsonArray, type Json } from './json.ts';

/** How numbers and labels are written for readers: shares in per cent, radii in grey levels. */

/** Names of numbers that are radii or steps in the unit of pixels. */
const radii: ReadonlySet<string> = new Set(['epsilon', 'stepSize']);
/** Grey levels that are at most this far from half or whole ones are these: float32 pixels move a distance by less. */
const nearestLevels = 5e-5;
/** A decimal number is short if rounding to three digits moves it by no more: float32 moves 0.2 by less. */
const shortDecimals = 1e-7;
/** Labels with more digits than this have been computed; those that somebody has typed stay as they are. */
const typedDigits = 10;

/** Whether a number of this name is a share in [0, 1], which is shown in per cent. */
export function isShare(name: string): boolean {
  if (/learning/i.test(name)) return false;
  return /accuracy|(rate|share)(Low|High)?$|probability|confidence|agreement|optimality/i.test(name);
}

/** Whether a number of this name is a radius in the unit of pixels, which is shown as `8/255` if it is one. */
export function isRadius(name: string): boolean {
  return radii.has(name);
}

/**
 * `8/255` or `0.5/255` for a number in (0, 1) that is whole or half grey levels to the rounding of float32; null for
 * any other, and for those that are short decimals as well, such as 0.2 = 51/255.
 */
export function greyLevels(value: number): string | null {
  if (!(value > 0 && value < 1) || Math.abs(value - Number(value.toPrecision(3))) <= shortDecimals)
    return null;
  const levels = Math.round(value * 510) / 2;
  return levels > 0 && Math.abs(value * 255 - levels) <= nearestLevels ? `${levels}/255` : null;
}

/** A radius in the unit of pixels: `8/255`, or else rounded to `digits` significant digits. */
export function readableRadius(value: number, digits: number): string {
  return greyLevels(value) ?? String(Number(value.toPrecision(digits)));
}

/** The label of an axis: a computed number as `8/255` or with six digits, anything else as it is. */
export function readableLabel(label: string | number | boolean): string {
  const text = String(label);
  if (typeof label !== 'number' || text.replaceAll(/\D/g, '').length <= typedDigits) return text;
  return readableRadius(label, 6);
}

/** A number so that reading it again gives the same: `8/255` if it is exactly that, or else all of its digits. */
export function exactNumber(value: number): string {
  const levels = greyLevels(value);
  return levels !== null && Number.parseFloat(levels) / 255 === value ? levels : String(value);
}

/** A value of a parameter as JSON in one line, with numbers as `exactNumber` writes them. */
export function readableJson(value: Json): string {
  if (typeof value === 'number') return exactNumber(value);
  return isJsonArray(value) ? `[${value.map(readableJson).join(',')}]` : canonicalJson(value);
}
