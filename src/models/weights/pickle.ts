/**
 * Reads Python pickles without running anything: values are built from plain data, and the only functions
 * allowed are those that construct a PyTorch tensor. Any other call in a pickle is an error. Opcodes are
 * those of Python's `pickletools`, protocols 0 to 5 as far as `torch.save` uses them.
 */
import { WeightsError } from './errors.ts';

/** A class or function that the pickle names. It is never looked up and never called. */
export class PickleGlobal {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** Lists and tuples are arrays, and dictionaries are maps. Sets and objects do not occur. */
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

/** A value that the hooks make: a tensor or its storage. */
export interface Opaque {
  readonly opaque: string;
}

export interface PickleHooks {
  /** Whether a pickle may refer to this name. */
  readonly allows: (name: string) => boolean;
  /** Returns the result of `name(...args)`. */
  readonly call: (name: string, args: readonly PickleValue[]) => PickleValue;
  /** Returns an object that is stored outside the pickle. */
  readonly persistent: (id: PickleValue) => PickleValue;
}

/**
 * Reads the pickle that starts at `start`. Returns its value and the place after its end. Throws
 * `WeightsError`.
 */
export function readPickle(
  bytes: Uint8Array,
  hooks: PickleHooks,
  start = 0,
): { readonly value: PickleValue; readonly end: number } {
  const source = new Source(bytes, start);
  const machine: Machine = { source, stack: new Stack(), hooks };
  for (;;) {
    const code = source.byte();
    if (code === stop) return { value: machine.stack.pop(), end: source.at };
    const operation = operations[code];
    if (operation === undefined)
      throw new WeightsError(
        `the pickle has the unknown opcode 0x${code.toString(16)} at byte ${source.at - 1}`,
      );
    operation(machine);
  }
}

interface Machine {
  readonly source: Source;
  readonly stack: Stack;
  readonly hooks: PickleHooks;
}

/** The bytes of a pickle, which are read from `at` on. */
class Source {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #text = new TextDecoder();

  constructor(bytes: Uint8Array, start: number) {
    this.at = start;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Skips `count` bytes and returns where they begin. */
  skip(count: number): number {
    const from = this.at;
    if (count < 0 || from + count > this.#bytes.length)
      throw new WeightsError(`the pickle is truncated at byte ${this.#bytes.length}`);
    this.at += count;
    return from;
  }

  byte(): number {
    return this.#bytes[this.skip(1)]!;
  }

  uint16(): number {
    return this.#view.getUint16(this.skip(2), true);
  }

  int32(): number {
    return this.#view.getInt32(this.skip(4), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  /** A length of 64 bits, or −1, which no read accepts, if it exceeds the pickle. */
  uint64(): number {
    const length = this.#view.getBigUint64(this.skip(8), true);
    return length > BigInt(this.#bytes.length) ? -1 : Number(length);
  }

  /** Big-endian, unlike everything else. */
  float64(): number {
    return this.#view.getFloat64(this.skip(8));
  }

  slice(count: number): Uint8Array {
    const from = this.skip(count);
    return this.#bytes.subarray(from, from + count);
  }

  text(count: number): string {
    return this.#text.decode(this.slice(count));
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new WeightsError('the pickle ends inside a line');
    const content = this.#text.decode(this.#bytes.subarray(this.at, end));
    this.at = end + 1;
    return content;
  }
}

/**
 * The stack of values under construction, the marks on it, and the values that the pickle refers to later.
 */
class Stack {
  readonly #values: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();

  push(value: PickleValue): void {
    this.#values.push(value);
  }

  pop(): PickleValue {
    const value = this.#values.pop();
    if (value === undefined) throw new WeightsError('the pickle takes from an empty stack');
    return value;
  }

  popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  top(): PickleValue {
    const value = this.#values.at(-1);
    if (value === undefined) throw new WeightsError('the pickle looks at an empty stack');
    return value;
  }

  mark(): void {
    this.#marks.push(this.#values.length);
  }

  popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined || mark > this.#values.length)
      throw new WeightsError('the pickle has no mark to go back to');
    return this.#values.splice(mark);
  }

  /** Stores the value on top under `index`, by default the next free one. */
  memoize(index = this.#memo.size): void {
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new WeightsError(`the pickle recalls ${index}, which it never stored`);
    this.push(value);
  }

  append(values: readonly PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw new WeightsError('the pickle appends to something that is not a list');
    for (const value of values) list.push(value);
  }

  setItems(items: readonly PickleValue[]): void {
    const map = this.top();
    if (!(map instanceof Map) || items.length % 2 !== 0)
      throw new WeightsError('the pickle sets items of something that is not a dictionary');
    for (let index = 0; index < items.length; index += 2) map.set(items[index]!, items[index + 1]!);
  }
}

const stop = 0x2e;

const operations: Readonly<Record<number, (machine: Machine) => void>> = {
  0x80: ({ source }) => void source.byte(), // PROTO
  0x95: ({ source }) => void source.skip(8), // FRAME
  0x28: ({ stack }) => stack.mark(), // MARK
  0x30: ({ stack }) => void stack.pop(), // POP
  0x31: ({ stack }) => void stack.popToMark(), // POP_MARK
  0x32: ({ stack }) => stack.push(stack.top()), // DUP
  0x4e: ({ stack }) => stack.push(null), // NONE
  0x88: ({ stack }) => stack.push(true), // NEWTRUE
  0x89: ({ stack }) => stack.push(false), // NEWFALSE
  0x4a: ({ source, stack }) => stack.push(source.int32()), // BININT
  0x4b: ({ source, stack }) => stack.push(source.byte()), // BININT1
  0x4d: ({ source, stack }) => stack.push(source.uint16()), // BININT2
  0x8a: ({ source, stack }) => stack.push(longInteger(source.slice(source.byte()))), // LONG1
  0x8b: ({ source, stack }) => stack.push(longInteger(source.slice(source.uint32()))), // LONG4
  0x47: ({ source, stack }) => stack.push(source.float64()), // BINFLOAT
  0x58: ({ source, stack }) => stack.push(source.text(source.uint32())), // BINUNICODE
  0x8c: ({ source, stack }) => stack.push(source.text(source.byte())), // SHORT_BINUNICODE
  0x8d: ({ source, stack }) => stack.push(source.text(source.uint64())), // BINUNICODE8
  0x54: ({ source, stack }) => stack.push(source.text(source.uint32())), // BINSTRING
  0x55: ({ source, stack }) => stack.push(source.text(source.byte())), // SHORT_BINSTRING
  0x42: ({ source, stack }) => stack.push(source.slice(source.uint32())), // BINBYTES
  0x43: ({ source, stack }) => stack.push(source.slice(source.byte())), // SHORT_BINBYTES
  0x5d: ({ stack }) => stack.push([]), // EMPTY_LIST
  0x6c: ({ stack }) => stack.push(stack.popToMark()), // LIST
  0x29: ({ stack }) => stack.push([]), // EMPTY_TUPLE
  0x74: ({ stack }) => stack.push(stack.popToMark()), // TUPLE
  0x85: ({ stack }) => stack.push(stack.popMany(1)), // TUPLE1
  0x86: ({ stack }) => stack.push(stack.popMany(2)), // TUPLE2
  0x87: ({ stack }) => stack.push(stack.popMany(3)), // TUPLE3
  0x7d: ({ stack }) => stack.push(new Map()), // EMPTY_DICT
  // DICT
  0x64: ({ stack }) => {
    const items = stack.popToMark();
    stack.push(new Map());
    stack.setItems(items);
  },
  // APPEND
  0x61: ({ stack }) => {
    const value = stack.pop();
    stack.append([value]);
  },
  0x65: ({ stack }) => stack.append(stack.popToMark()), // APPENDS
  0x73: ({ stack }) => stack.setItems(stack.popMany(2)), // SETITEM
  0x75: ({ stack }) => stack.setItems(stack.popToMark()), // SETITEMS
  0x71: ({ source, stack }) => stack.memoize(source.byte()), // BINPUT
  0x72: ({ source, stack }) => stack.memoize(source.uint32()), // LONG_BINPUT
  0x94: ({ stack }) => stack.memoize(), // MEMOIZE
  0x68: ({ source, stack }) => stack.recall(source.byte()), // BINGET
  0x6a: ({ source, stack }) => stack.recall(source.uint32()), // LONG_BINGET
  // GLOBAL
  0x63: ({ source, stack, hooks }) => {
    const module = source.line();
    stack.push(globalName(module, source.line(), hooks));
  },
  // STACK_GLOBAL
  0x93: ({ stack, hooks }) => {
    const [module, symbol] = stack.popMany(2);
    stack.push(globalName(module!, symbol!, hooks));
  },
  0x52: callTop, // REDUCE
  0x81: callTop, // NEWOBJ
  0x62: ({ stack }) => void stack.pop(), // BUILD: attributes of an object; tensors and dictionaries need none
  0x51: ({ stack, hooks }) => stack.push(hooks.persistent(stack.pop())), // BINPERSID
};

function globalName(module: PickleValue, symbol: PickleValue, hooks: PickleHooks): PickleGlobal {
  if (typeof module !== 'string' || typeof symbol !== 'string')
    throw new WeightsError('the pickle refers to a name that is not a text');
  const full = `${module}.${symbol}`;
  if (!hooks.allows(full)) {
    throw new WeightsError(
      `the pickle refers to '${full}': only tensors are read, and no code is run`,
      remedyFor(full),
    );
  }
  return new PickleGlobal(full);
}

/** How to save the weights without what the name stands for. */
function remedyFor(name: string): string {
  if (/_sparse_|sparse_/.test(name)) return "save dense tensors: call '.to_dense()' on those that are sparse";
  if (/_rebuild_q|Q\w*Int\w*Storage/.test(name))
    return "save float tensors: call '.dequantize()' on those that are quantized";
  const alone =
    "save the tensors alone: torch.save(model.state_dict(), 'weights.pth'), or torch.save(checkpoint['state_dict'], 'weights.pth') of a checkpoint that holds more";
  return /^__main__\.|^torch\.nn\.|model|net/i.test(name)
    ? `${alone}; a network whose architecture ravelin does not have is exported: torch.export.save, and model/torch-export`
    : alone;
}

/** Replaces a function and its arguments, which are on top, by the result of the call. */
function callTop({ stack, hooks }: Machine): void {
  const args = stack.pop();
  const callee = stack.pop();
  if (!(callee instanceof PickleGlobal) || !Array.isArray(args))
    throw new WeightsError('the pickle calls something that is not a function');
  stack.push(hooks.call(callee.name, args));
}

/**
 * Reads a little-endian two's complement. The time grows with the square of the length, so the length is
 * limited; no weight file needs long integers.
 */
function longInteger(bytes: Uint8Array): number | bigint {
  if (bytes.length > 64) throw new WeightsError(`the pickle has an integer of ${bytes.length} bytes`);
  let value = 0n;
  for (let index = bytes.length - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[index]!);
  value = BigInt.asIntN(Math.max(8 * bytes.length, 1), value);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
