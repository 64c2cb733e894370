/** The scalars of the field: exact fractions, numbers with underscores, sizes and durations. */

const decimal = String.raw`[+-]?(?:\d[\d_]*)(?:\.[\d_]*)?(?:[eE][+-]?\d+)?|[+-]?\.\d[\d_]*(?:[eE][+-]?\d+)?`;
const numberPattern = new RegExp(`^(?:${decimal})$`);
const fractionPattern = new RegExp(String.raw`^(${decimal})\s*/\s*(${decimal})$`);

/**
 * `8/255`, `1_000_000`, `-0.5/255`: the double nearest to the exact value, so that equal fractions are equal
 * numbers. Undefined for anything else, a division by zero and an integer that `roundedInteger` finds included.
 */
export function parseNumber(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed.length > 100) return undefined;
  const fraction = fractionPattern.exec(trimmed);
  if (fraction === null) {
    const isNumber = numberPattern.test(trimmed) && roundedInteger(trimmed) === undefined;
    return isNumber ? finite(Number(trimmed.replaceAll('_', ''))) : undefined;
  }
  const over = exact(fraction[1]!);
  const under = exact(fraction[2]!);
  if (over === undefined || under === undefined || under.numerator === 0n) return undefined;
  return nearestDouble(over.numerator * under.denominator, over.denominator * under.numerator);
}

/**
 * The number that a double makes of an integer that it cannot hold: 9007199254740992 of `9007199254740993`. Reads decimals with
 * or without underscores, and YAML's `0x` and `0o`. Undefined for integers that stay as they are, and for all other texts.
 */
export function roundedInteger(text: string): number | undefined {
  const digits = text.trim().replaceAll('_', '');
  const [, sign = '', whole = ''] = /^([-+]?)(\d+|0x[\da-fA-F]+|0o[0-7]+)$/.exec(digits) ?? [];
  // A double of more than 310 digits is infinite, which others report.
  if (whole.length < leastRounded || whole.length > 320) return undefined;
  const exactly = BigInt(whole);
  const rounded = Number(exactly);
  if (!Number.isFinite(rounded) || BigInt(rounded) === exactly) return undefined;
  return sign === '-' ? -rounded : rounded;
}

/** Characters of the shortest integer above 2⁵³, `0x20000000000001`. */
const leastRounded = 16;

export function isFraction(text: string): boolean {
  return fractionPattern.test(text.trim());
}

/** A decimal as a ratio of integers; undefined if its exponent is beyond ±400. */
function exact(text: string): { numerator: bigint; denominator: bigint } | undefined {
  const [mantissa = '', exponent = '0'] = text.replaceAll('_', '').toLowerCase().split('e');
  const [whole = '', part = ''] = mantissa.split('.');
  const power = Number(exponent) - part.length;
  if (Math.abs(power) > 400) return undefined;
  const digits = BigInt(`${whole}${part}`.replace(/^\+/, '').replace(/^(-?)$/, '$10') || '0');
  return power >= 0
    ? { numerator: digits * 10n ** BigInt(power), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-power) };
}

function nearestDouble(numerator: bigint, denominator: bigint): number | undefined {
  const divisor = greatestCommonDivisor(numerator, denominator);
  // IEEE division of two integers below 2^53 is correctly rounded; beyond that the last bit may be off.
  return finite(Number(numerator / divisor) / Number(denominator / divisor));
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x === 0n ? 1n : x;
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value + 0 : undefined;
}

const bytesOf: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** `6GiB`, `512MiB`, `10GB`, `1.5 GiB` in bytes, rounded to whole ones. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d[\d_]*(?:\.\d+)?)\s*([kKMGT]?i?B)$/.exec(text.trim());
  const unit = match === null ? undefined : bytesOf[match[2]!];
  return unit === undefined ? undefined : finite(Math.round(Number(match![1]!.replaceAll('_', '')) * unit));
}

const millisecondsOf: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `30m`, `90s`, `1h30m`, `250ms`, `1.5h` in milliseconds. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^(?:\d[\d_]*(?:\.\d+)?(?:ms|[smhd])\s*)+$/.test(trimmed) || trimmed.length > 100) return undefined;
  let total = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d[\d_]*(?:\.\d+)?)(ms|[smhd])/g)) {
    total += Number(amount!.replaceAll('_', '')) * millisecondsOf[unit!]!;
  }
  return finite(total);
}
