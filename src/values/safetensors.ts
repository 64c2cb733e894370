import { elementCount } from './element-count.ts';
/**
 * The safetensors format (huggingface/safetensors, format of 2023): eight bytes of little-endian header
 * length, a JSON header, then the tensors' bytes. Python reads the files with `safetensors.numpy.load_file`.
 */

export type StoredTensor =
  | { readonly dtype: 'F32'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'U8'; readonly shape: readonly number[]; readonly data: Uint8Array }
  | { readonly dtype: 'I32'; readonly shape: readonly number[]; readonly data: Int32Array };

export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes from the start of the data, which follows the header. */
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes before the data. */
  readonly dataStart: number;
}

/**
 * The bytes are not a safetensors file, or a damaged one. The message says what is wrong, but not in which
 * file.
 */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
  /** The remedy, if it is not to write or fetch the file again. */
  readonly fix: string | undefined;
  constructor(message: string, fix?: string) {
    super(message);
    this.fix = fix;
  }
}

/** Bytes of one element, by the name of its type. */
export const elementBytes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
  U16: 2,
  U32: 4,
  U64: 8,
} as const;
// Enough for tens of thousands of tensors. The reference implementation allows 100 MB, of which JSON.parse
// makes gigabytes of objects.
const headerLimit = 8_000_000;

/** Encodes tensors as a safetensors file. They are laid out by name, so that equal content gives equal bytes. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const names = Object.keys(tensors).sort();
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) {
    header['__metadata__'] = Object.fromEntries(
      Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }
  let offset = 0;
  // Four-byte tensors come first, so that every tensor is aligned to its element size.
  const ordered = [
    ...names.filter((name) => tensors[name]!.dtype !== 'U8'),
    ...names.filter((name) => tensors[name]!.dtype === 'U8'),
  ];
  for (const name of ordered) {
    const { dtype, shape, data } = tensors[name]!;
    if (elementCount(shape) !== data.length) {
      throw new RangeError(`tensor '${name}' has ${data.length} elements but shape [${shape.join(', ')}]`);
    }
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header), 'utf8');
  const padded = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.fill(0x20, 8 + text.length, 8 + padded);
  bytes.set(text, 8);
  let position = 8 + padded;
  for (const name of ordered) {
    const { data } = tensors[name]!;
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return bytes;
}

/**
 * Reads only the header; `bytes` may end after it. `fileLength` is the length of the whole file. Throws
 * `SafetensorsError` unless it is a well-formed header whose tensors lie inside the file.
 */
export function readSafetensorsHeader(bytes: Uint8Array, fileLength: number): SafetensorsHeader {
  if (bytes.length < 8)
    throw new SafetensorsError(`the file has ${fileLength} bytes: too short for a safetensors header`);
  const headerLength = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (headerLength > headerLimit || 8 + headerLength > fileLength) {
    throw new SafetensorsError(
      'the header is longer than the file: it is truncated, or not a safetensors file',
    );
  }
  if (8 + headerLength > bytes.length) throw new RangeError('the given bytes end inside the header');
  let header: unknown;
  try {
    header = JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + headerLength)),
    );
  } catch {
    throw new SafetensorsError('the header is not JSON: the file is damaged, or not a safetensors file');
  }
  if (!isRecord(header)) throw new SafetensorsError('the header is not a JSON object');
  const dataStart = 8 + headerLength;
  const tensors = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (!isRecord(entry)) throw new SafetensorsError('__metadata__ is not an object');
      // The format allows only text here; other JSON values are returned as they are written.
      metadata = Object.fromEntries(
        Object.entries(entry).map(([key, value]) => [
          key,
          typeof value === 'string' ? value : JSON.stringify(value),
        ]),
      );
    } else {
      tensors.set(name, checkEntry(name, entry, fileLength - dataStart));
    }
  }
  // Tensors that share bytes, which the format forbids, could take any amount of memory.
  const held = [...tensors.values()].reduce((sum, { start, end }) => sum + end - start, 0);
  if (held > fileLength - dataStart) throw new SafetensorsError('the tensors overlap');
  return { tensors, metadata, dataStart };
}

/**
 * Reads the length of the header from the first eight bytes of a file, for callers that fetch only the
 * header.
 */
export function safetensorsHeaderLength(firstBytes: Uint8Array): number {
  if (firstBytes.length < 8) throw new SafetensorsError('the file is too short for a safetensors header');
  const length = Number(new DataView(firstBytes.buffer, firstBytes.byteOffset, 8).getBigUint64(0, true));
  if (length > headerLimit) throw new SafetensorsError('the header is too long for a safetensors file');
  return length;
}

/**
 * Decodes float32, uint8 and int32 tensors into aligned copies. Throws `SafetensorsError`, which names the
 * type, for others.
 */
export function decodeSafetensors(bytes: Uint8Array): {
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
} {
  const header = readSafetensorsHeader(bytes, bytes.length);
  // `fromEntries` instead of assignments, because a tensor may be named `__proto__`.
  const tensors = Object.fromEntries(
    [...header.tensors].map(([name, entry]) => {
      const { start, end } = entry;
      const data = bytes.subarray(header.dataStart + start, header.dataStart + end);
      return [name, decodeTensor(name, entry, data)];
    }),
  );
  return { tensors, metadata: header.metadata };
}

export function decodeTensor(name: string, entry: TensorEntry, bytes: Uint8Array): StoredTensor {
  const { dtype, shape } = entry;
  // This is not `bytes.slice()`, which a Node Buffer overrides with a view into a shared pool.
  const copy = new Uint8Array(bytes);
  switch (dtype) {
    case 'F32':
      return { dtype, shape, data: new Float32Array(copy.buffer) };
    case 'I32':
      return { dtype, shape, data: new Int32Array(copy.buffer) };
    case 'U8':
      return { dtype, shape, data: copy };
    default:
      throw new SafetensorsError(`tensor '${name}' has type ${dtype}, but only F32, I32 and U8 can be read`);
  }
}

function checkEntry(name: string, entry: unknown, dataLength: number): TensorEntry {
  if (!isRecord(entry)) throw new SafetensorsError(`tensor '${name}' has no description`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !isNaturals(shape) || !isNaturals(offsets) || offsets.length !== 2) {
    throw new SafetensorsError(`tensor '${name}' has a malformed description`);
  }
  const size = Object.hasOwn(elementBytes, dtype)
    ? elementBytes[dtype as keyof typeof elementBytes]
    : undefined;
  if (size === undefined)
    throw new SafetensorsError(
      `tensor '${name}' has the type ${dtype}, which is not read`,
      "save it as float32, which is 'tensor.float()' in PyTorch",
    );
  const [start, end] = offsets as [number, number];
  if (end < start || end > dataLength) {
    throw new SafetensorsError(
      `tensor '${name}' lies outside the file: truncated at ${dataLength} bytes of data, ${end} needed`,
    );
  }
  if (end - start !== elementCount(shape) * size) {
    throw new SafetensorsError(
      `tensor '${name}' has ${end - start} bytes, but shape [${shape.join(', ')}] of ${dtype} needs ${elementCount(shape) * size}`,
    );
  }
  return { dtype, shape, start, end };
}

function isNaturals(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
