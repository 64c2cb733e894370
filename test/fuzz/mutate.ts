/** Damaged and made-up inputs out of good ones. All choices come from a random stream, so that an input is known by its seed and number. */
import type { RandomStream } from '../../src/tensors/random.ts';

export interface MutationOptions {
  /** Words of the format, put in whole. */
  readonly dictionary?: readonly (string | Uint8Array)[];
  readonly mostBytes?: number;
}

const interesting = [0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** One of `corpus` with one to eight changes: bits, numbers, words, parts removed, moved, repeated or taken from another. */
export function mutateBytes(
  corpus: readonly Uint8Array[],
  random: RandomStream,
  { dictionary = [], mostBytes = 1 << 16 }: MutationOptions = {},
): Uint8Array {
  let bytes = new Uint8Array(pick(corpus, random));
  const changes = 1 << random.integer(4);
  for (let change = 0; change < changes; change++) {
    const at = random.integer(bytes.length + 1);
    const end = Math.min(bytes.length, at + (1 << random.integer(7)));
    switch (random.integer(9)) {
      case 0:
        if (at < bytes.length) bytes[at]! ^= 1 << random.integer(8);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = random.integer(256);
        break;
      case 2:
        writeNumber(bytes, at, random);
        break;
      case 3:
        bytes = joined(bytes.subarray(0, at), bytes.subarray(end));
        break;
      case 4:
        bytes = joined(bytes.subarray(0, end), bytes.subarray(at));
        break;
      case 5: {
        const other = pick(corpus, random);
        const from = random.integer(other.length + 1);
        const part = other.subarray(from, from + (1 << random.integer(9)));
        bytes = joined(bytes.subarray(0, at), part, bytes.subarray(at));
        break;
      }
      case 6:
        if (random.integer(4) === 0) bytes = bytes.slice(0, at);
        break;
      case 7:
        if (dictionary.length > 0) {
          const word = pick(dictionary, random);
          const part = typeof word === 'string' ? Buffer.from(word) : word;
          bytes = joined(bytes.subarray(0, at), part, bytes.subarray(random.bernoulli(0.5) ? at : end));
        }
        break;
      default: {
        const part = bytes.subarray(at, end);
        const times = 1 << random.integer(random.integer(16) === 0 ? 13 : 4);
        const repeated = Array.from({ length: Math.min(times, mostBytes / (part.length + 1)) }, () => part);
        bytes = joined(bytes.subarray(0, at), ...repeated, bytes.subarray(at));
      }
    }
    if (bytes.length > mostBytes) bytes = bytes.slice(0, mostBytes);
  }
  return bytes;
}

/** A copy of a JSON value with one to four of its parts replaced, removed, or put in the place of others. */
export function mutateJson(value: unknown, random: RandomStream): unknown {
  const root = { value: structuredClone(value) };
  const changes = 1 + random.integer(4);
  for (let change = 0; change < changes; change++) {
    const places = placesIn(root);
    const { owner, key } = pick(places, random);
    const other = pick(places, random);
    switch (random.integer(4)) {
      case 0:
        owner[key] = structuredClone(other.owner[other.key]);
        break;
      case 1:
        if (owner !== root) Reflect.deleteProperty(owner, key);
        break;
      case 2: {
        // Not by assignment: `__proto__` must become a key like any other.
        const name = pick(['__proto__', 'constructor', 'toString', 'length', '', '0'], random);
        if (owner === root || Array.isArray(owner)) break;
        Object.defineProperty(owner, name, {
          value: owner[key],
          writable: true,
          enumerable: true,
          configurable: true,
        });
        break;
      }
      default:
        owner[key] = structuredClone(pick(oddValues, random));
    }
  }
  return root.value;
}

const oddValues: readonly unknown[] = [
  null, true, false, 0, 1, -1, 2, 0.5, 255, 65536, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 1e18, 1e308, -1e308, '', '0', '3', 'x', '../../etc/passwd',
  '/etc/passwd', '..\\x', 'a\0b', '__proto__', 'constructor', 'toString', [], [[]], [null], [0, 0], [1e9, 1e9], {}, { name: null }, { toString: 1, valueOf: 1 },
]; // prettier-ignore

type Owner = Record<string, unknown>;

function placesIn(root: Owner): { owner: Owner; key: string }[] {
  const places: { owner: Owner; key: string }[] = [];
  const visit = (owner: Owner): void => {
    for (const key of Object.keys(owner)) {
      places.push({ owner, key });
      const inner = owner[key];
      if (typeof inner === 'object' && inner !== null) visit(inner as Owner);
    }
  };
  visit(root);
  return places;
}

export function pick<T>(items: readonly T[], random: RandomStream): T {
  return items[random.integer(items.length)]!;
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A number that is often a mistake, of one to eight bytes, in either order. */
function writeNumber(bytes: Uint8Array, at: number, random: RandomStream): void {
  const value = BigInt(random.integer(4) === 0 ? bytes.length : pick(interesting, random));
  const width = 1 << random.integer(4);
  const isLittle = random.bernoulli(0.5);
  for (let index = 0; index < width && at + index < bytes.length; index++) {
    const shift = BigInt(8 * (isLittle ? index : width - 1 - index));
    bytes[at + index] = Number((value >> shift) & 0xffn);
  }
}
