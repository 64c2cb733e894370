/**
 * Notices writes into values that are only to be read. A worker keeps decoded values for other tasks, so code
 * that writes into them changes the results of others.
 */

import { WrittenInputError } from './value-error.ts';

/** Returns the name of the first array or field that has changed since the value was sealed; null if none has. */
export type Seal = () => string | null;

/**
 * Seals plain data with its arrays. It keeps a checksum of each array instead of a copy, because values may be
 * hundreds of megabytes; a changed array goes unnoticed once in 4 · 10⁹ cases.
 */
export function sealOf(value: unknown): Seal {
  const before = printOf(value);
  return () => {
    const after = printOf(value);
    if (after.text !== before.text || after.arrays.length !== before.arrays.length) return 'fields';
    const changed = after.arrays.findIndex(({ sum }, index) => sum !== before.arrays[index]!.sum);
    return changed < 0 ? null : after.arrays[changed]!.name;
  };
}

/**
 * Runs code that may not write into what `check` looks at: `check` throws `WrittenInputError` if it did. It is
 * called also if the code throws, whose error may be a consequence and becomes the cause.
 */
export async function leftAlone<R>(check: (cause?: unknown) => void, run: () => R | Promise<R>): Promise<R> {
  let result: R;
  try {
    result = await run();
  } catch (error) {
    if (!(error instanceof WrittenInputError)) check(error);
    throw error;
  }
  check();
  return result;
}

interface Print {
  /** The value as JSON, with the lengths of arrays in their place. */
  readonly text: string | undefined;
  readonly arrays: readonly { readonly name: string; readonly sum: number }[];
}

function printOf(value: unknown): Print {
  const arrays: { name: string; sum: number }[] = [];
  const text = JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, name, part: unknown) {
    // Of a Buffer, `part` is already JSON.
    const own = this[name];
    if (!ArrayBuffer.isView(own)) return part;
    arrays.push({ name, sum: checksum(own) });
    return `${own.constructor.name} ${own.byteLength}`;
  }) as string | undefined;
  return { text, arrays };
}

/**
 * A checksum of the bytes of an array. Each step is a bijection of the sum, so that a single changed word
 * always changes it; four sums side by side take a third of the time of one.
 */
export function checksum({ buffer, byteOffset, byteLength }: ArrayBufferView): number {
  const isAligned = byteOffset % 4 === 0;
  const words = isAligned
    ? new Int32Array(buffer, byteOffset, byteLength >> 2)
    : new Uint8Array(buffer, byteOffset, byteLength);
  let [a, b, c, d] = [byteLength, 1, 2, 3];
  const whole = words.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    a = Math.imul(a ^ words[at]!, 0x9e3779b1);
    b = Math.imul(b ^ words[at + 1]!, 0x85ebca77);
    c = Math.imul(c ^ words[at + 2]!, 0xc2b2ae3d);
    d = Math.imul(d ^ words[at + 3]!, 0x27d4eb2f);
    // Odd factors carry upwards only, so the high bits are brought down.
    a ^= a >>> 15;
    b ^= b >>> 15;
    c ^= c >>> 15;
    d ^= d >>> 15;
  }
  for (let at = whole; at < words.length; at++) a = Math.imul(a ^ words[at]!, 0x9e3779b1);
  if (isAligned) {
    for (const byte of new Uint8Array(buffer, byteOffset + (byteLength & ~3), byteLength & 3))
      a = Math.imul(a ^ byte, 0x9e3779b1);
  }
  return (a ^ Math.imul(b, 3) ^ Math.imul(c, 5) ^ Math.imul(d, 7)) >>> 0;
}
