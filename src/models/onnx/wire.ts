/**
 * The wire format of protobuf (https://protobuf.dev/programming-guides/encoding/): fields of a message, one after
 * another. Every length is checked against the bytes that are there, and nothing is copied.
 */
import { damaged, tooLarge } from './errors.ts';

export interface Field {
  /** Number of the field in its message. */
  readonly number: number;
  /**
   * Varints have their value in `integer` (as a signed 64-bit number, rounded beyond 2⁵³); all others have their bytes
   * in `bytes`.
   */
  readonly kind: 'varint' | 'fixed32' | 'fixed64' | 'bytes';
  readonly integer: number;
  readonly bytes: Uint8Array;
}

const none = new Uint8Array(0);
/** Numbers in one list of a message, apart from the elements of tensors. */
const mostNumbers = 1 << 24;

/** The fields of a message in their order. Throws `OnnxError` for bytes that are not fields. */
export function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  const at = { position: 0 };
  while (at.position < bytes.length) {
    const tag = readVarint(bytes, at);
    const number = Math.floor(tag / 8);
    if (tag < 8 || number > 0x1fffffff) throw damaged('a field has no number');
    switch (tag % 8) {
      case 0:
        yield { number, kind: 'varint', integer: readVarint(bytes, at), bytes: none };
        break;
      case 1:
        yield { number, kind: 'fixed64', integer: 0, bytes: take(bytes, at, 8) };
        break;
      case 2:
        yield { number, kind: 'bytes', integer: 0, bytes: take(bytes, at, readVarint(bytes, at)) };
        break;
      case 5:
        yield { number, kind: 'fixed32', integer: 0, bytes: take(bytes, at, 4) };
        break;
      default:
        throw damaged(`field ${number} has an unknown form`);
    }
  }
}

function* packedIntegers(bytes: Uint8Array): Generator<number> {
  const at = { position: 0 };
  while (at.position < bytes.length) yield readVarint(bytes, at);
}

interface Position {
  position: number;
}

function take(bytes: Uint8Array, at: Position, length: number): Uint8Array {
  const end = at.position + length;
  if (length < 0 || end > bytes.length) throw damaged('a field ends after the file');
  const part = bytes.subarray(at.position, end);
  at.position = end;
  return part;
}

/** Seven bits a byte, the lowest first, of a 64-bit number in two's complement. */
function readVarint(bytes: Uint8Array, at: Position): number {
  let low = 0;
  let high = 0;
  for (let index = 0; index < 10; index++) {
    const byte = bytes[at.position++];
    if (byte === undefined) throw damaged('a number ends after the file');
    // The low half has bits 0 to 27, so that neither half exceeds a 53-bit integer.
    if (index < 4) low += (byte & 0x7f) * 2 ** (7 * index);
    else high += (byte & 0x7f) * 2 ** (7 * (index - 4));
    if (byte < 0x80) {
      // Bits from 64 on are lost, as in the reference implementation.
      const upper = high % 2 ** 36;
      return upper >= 2 ** 35 ? (upper - 2 ** 36) * 2 ** 28 + low : upper * 2 ** 28 + low;
    }
  }
  throw damaged('a number has more than ten bytes');
}

/** Adds to a list that a file could make of any length. */
export function pushNumber<T>(list: T[], value: T): void {
  if (list.length >= mostNumbers) throw tooLarge(`a list has more than ${mostNumbers} numbers`);
  list.push(value);
}

const decoder = new TextDecoder();

export function text(field: Field): string {
  return decoder.decode(message(field));
}

/** The bytes of an inner message, a text or a packed list. */
export function message({ kind, number, bytes }: Field): Uint8Array {
  if (kind !== 'bytes') throw damaged(`field ${number} should be a text or a message`);
  return bytes;
}

export function integer({ kind, number, integer: value }: Field): number {
  if (kind !== 'varint') throw damaged(`field ${number} should be an integer`);
  return value;
}

/** The integers of a repeated field, packed or alone. */
export function integersOf(field: Field): Iterable<number> {
  return field.kind === 'varint' ? [field.integer] : packedIntegers(message(field));
}

/** The float32 numbers of a repeated field, packed or alone. */
export function floatsOf({ kind, number, bytes }: Field): number[] {
  if ((kind !== 'fixed32' && kind !== 'bytes') || bytes.length % 4 !== 0)
    throw damaged(`field ${number} should be a number`);
  if (bytes.length / 4 > mostNumbers) throw tooLarge(`a list has more than ${mostNumbers} numbers`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, at) => view.getFloat32(4 * at, true));
}
