/**
 * Reads Python pickles without running anything: values are built from plain data, and the only functions known are those
 * that put a PyTorch tensor together. Anything else that a pickle wants to call is an error. Opcodes as in Python's
 * `pickletools`, protocols 0 to 5 as far as `torch.save` uses them.
 */
import { WeightsError } from './errors.ts';

/** A name that the pickle refers to: a class or a function. Never looked up, never called. */
export class PickleGlobal {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** Lists and tuples are arrays, dictionaries are maps, sets and objects do not occur. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleGlobal
  | Opaque
  | PickleValue[]
  | Map<PickleValue, PickleValue>;

/** What the reader of the file makes: tensors and their storage. */
export interface Opaque {
  readonly opaque: string;
}

export interface PickleHooks {
  /** Whether a pickle may refer to this name. */
  readonly allows: (name: string) => boolean;
  /** The result of `name(...args)`. */
  readonly call: (name: string, args: readonly PickleValue[]) => PickleValue;
  /** The object that lies outside the pickle. */
  readonly persistent: (id: PickleValue) => PickleValue;
}

/** The value of the pickle that starts at `start`, and the place after its end. Throws `WeightsError`. */
export function readPickle(
  bytes: Uint8Array,
  hooks: PickleHooks,
  start = 0,
): { readonly value: PickleValue; readonly end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = new TextDecoder();
  const memo = new Map<number, PickleValue>();
  const marks: number[] = [];
  const stack: PickleValue[] = [];
  let at = start;

  const take = (count: number): number => {
    const from = at;
    if (count < 0 || from + count > bytes.length)
      throw new WeightsError(`the pickle ends at byte ${bytes.length}`);
    at += count;
    return from;
  };
  const byte = (): number => bytes[take(1)]!;
  const uint32 = (): number => view.getUint32(take(4), true);
  const slice = (count: number): Uint8Array => {
    const from = take(count);
    return bytes.subarray(from, from + count);
  };
  const long = (): number => {
    const length = view.getBigUint64(take(8), true);
    return length > BigInt(bytes.length) ? -1 : Number(length);
  };
  const line = (): string => {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) throw new WeightsError('the pickle ends inside a line');
    const content = text.decode(bytes.subarray(at, end));
    at = end + 1;
    return content;
  };
  const pop = (): PickleValue => {
    const value = stack.pop();
    if (value === undefined) throw new WeightsError('the pickle takes from an empty stack');
    return value;
  };
  const top = (): PickleValue => {
    const value = stack.at(-1);
    if (value === undefined) throw new WeightsError('the pickle looks at an empty stack');
    return value;
  };
  const popMark = (): PickleValue[] => {
    const mark = marks.pop();
    if (mark === undefined || mark > stack.length)
      throw new WeightsError('the pickle has no mark to go back to');
    return stack.splice(mark);
  };
  const popMany = (count: number): PickleValue[] => Array.from({ length: count }, pop).reverse();
  const recall = (index: number): PickleValue => {
    const value = memo.get(index);
    if (value === undefined) throw new WeightsError(`the pickle recalls ${index}, which it never stored`);
    return value;
  };
  const name = (module: PickleValue, symbol: PickleValue): PickleGlobal => {
    if (typeof module !== 'string' || typeof symbol !== 'string')
      throw new WeightsError('the pickle refers to a name that is no text');
    const full = `${module}.${symbol}`;
    if (!hooks.allows(full)) {
      throw new WeightsError(`the pickle refers to '${full}': only tensors are read, and no code is run`);
    }
    return new PickleGlobal(full);
  };
  const append = (values: readonly PickleValue[]): void => {
    const list = top();
    if (!Array.isArray(list)) throw new WeightsError('the pickle appends to something that is no list');
    for (const value of values) list.push(value);
  };
  const setItems = (items: readonly PickleValue[]): void => {
    const map = top();
    if (!(map instanceof Map) || items.length % 2 !== 0)
      throw new WeightsError('the pickle sets items of something that is no dictionary');
    for (let index = 0; index < items.length; index += 2) map.set(items[index]!, items[index + 1]!);
  };
  const call = (args: PickleValue, callee: PickleValue): PickleValue => {
    if (!(callee instanceof PickleGlobal) || !Array.isArray(args))
      throw new WeightsError('the pickle calls something that is no function');
    return hooks.call(callee.name, args);
  };

  const operations: Readonly<Record<number, () => void>> = {
    0x80: () => void byte(), // PROTO
    0x95: () => void take(8), // FRAME
    0x28: () => marks.push(stack.length), // MARK
    0x30: () => void pop(), // POP
    0x31: () => void popMark(), // POP_MARK
    0x32: () => stack.push(top()), // DUP
    0x4e: () => stack.push(null), // NONE
    0x88: () => stack.push(true), // NEWTRUE
    0x89: () => stack.push(false), // NEWFALSE
    0x4a: () => stack.push(view.getInt32(take(4), true)), // BININT
    0x4b: () => stack.push(byte()), // BININT1
    0x4d: () => stack.push(view.getUint16(take(2), true)), // BININT2
    0x8a: () => stack.push(longInteger(slice(byte()))), // LONG1
    0x8b: () => stack.push(longInteger(slice(uint32()))), // LONG4
    0x47: () => stack.push(view.getFloat64(take(8))), // BINFLOAT
    0x58: () => stack.push(text.decode(slice(uint32()))), // BINUNICODE
    0x8c: () => stack.push(text.decode(slice(byte()))), // SHORT_BINUNICODE
    0x8d: () => stack.push(text.decode(slice(long()))), // BINUNICODE8
    0x54: () => stack.push(text.decode(slice(uint32()))), // BINSTRING
    0x55: () => stack.push(text.decode(slice(byte()))), // SHORT_BINSTRING
    0x42: () => stack.push(slice(uint32())), // BINBYTES
    0x43: () => stack.push(slice(byte())), // SHORT_BINBYTES
    0x5d: () => stack.push([]), // EMPTY_LIST
    0x6c: () => stack.push(popMark()), // LIST
    0x29: () => stack.push([]), // EMPTY_TUPLE
    0x74: () => stack.push(popMark()), // TUPLE
    0x85: () => stack.push(popMany(1)), // TUPLE1
    0x86: () => stack.push(popMany(2)), // TUPLE2
    0x87: () => stack.push(popMany(3)), // TUPLE3
    0x7d: () => stack.push(new Map()), // EMPTY_DICT
    0x64: () => {
      const items = popMark(); // DICT
      stack.push(new Map());
      setItems(items);
    },
    0x61: () => {
      const value = pop(); // APPEND
      append([value]);
    },
    0x65: () => append(popMark()), // APPENDS
    0x73: () => setItems(popMany(2)), // SETITEM
    0x75: () => setItems(popMark()), // SETITEMS
    0x71: () => void memo.set(byte(), top()), // BINPUT
    0x72: () => void memo.set(uint32(), top()), // LONG_BINPUT
    0x94: () => void memo.set(memo.size, top()), // MEMOIZE
    0x68: () => stack.push(recall(byte())), // BINGET
    0x6a: () => stack.push(recall(uint32())), // LONG_BINGET
    0x63: () => {
      const module = line(); // GLOBAL
      stack.push(name(module, line()));
    },
    0x93: () => {
      const [module, symbol] = popMany(2); // STACK_GLOBAL
      stack.push(name(module!, symbol!));
    },
    0x52: () => stack.push(call(pop(), pop())), // REDUCE
    0x81: () => stack.push(call(pop(), pop())), // NEWOBJ
    0x62: () => void pop(), // BUILD: the attributes of an object, of which tensors and dictionaries need none
    0x51: () => stack.push(hooks.persistent(pop())), // BINPERSID
  };

  for (;;) {
    const code = byte();
    if (code === 0x2e) return { value: pop(), end: at }; // STOP
    const operation = operations[code];
    if (operation === undefined)
      throw new WeightsError(`the pickle has the unknown opcode 0x${code.toString(16)} at byte ${at - 1}`);
    operation();
  }
}

/** Little-endian two's complement. Its time grows with the square of the length, which nothing in a weight file has reason to be. */
function longInteger(bytes: Uint8Array): number | bigint {
  if (bytes.length > 64) throw new WeightsError(`the pickle has an integer of ${bytes.length} bytes`);
  let value = 0n;
  for (let index = bytes.length - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[index]!);
  value = BigInt.asIntN(Math.max(8 * bytes.length, 1), value);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
