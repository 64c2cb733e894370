/**
 * TensorProto: constant numbers, in the file or in one beside it. Elements are decoded when they are read; weights that are
 * stored as their bytes are copied once.
 */
import { toFloat32 } from '../weights/floats.ts';
import type { ElementType } from '../weights/floats.ts';
import { isInside } from '../inside-folder.ts';
import { elementBytes } from '../../values/safetensors.ts';
import { damaged, OnnxError, tooLarge } from './errors.ts';
import { fieldsOf, integer, integersOf, message, pushNumber, text } from './wire.ts';
import type { Field } from './wire.ts';
import { elementCount } from '../../values/element-count.ts';

export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
  /** Number of the type in TensorProto.DataType. */
  readonly type: number;
  /** Little-endian elements, if the file has them so. */
  readonly raw: Uint8Array | undefined;
  /** Elements of other forms: whole numbers, or the bits of 16-bit floats. */
  readonly integers: readonly number[];
  /** Where the elements are, if they are in another file. */
  readonly external: ExternalPart | undefined;
}

export interface ExternalPart {
  readonly location: string;
  readonly offset: number;
  /** All bytes from `offset` on if it is left out. */
  readonly length: number | undefined;
}

/** Bytes of the file at a location in the model's folder. */
export type ExternalData = (location: string) => Uint8Array;

const types: Readonly<Record<number, ElementType>> = {
  1: 'F32',
  2: 'U8',
  3: 'I8',
  5: 'I16',
  6: 'I32',
  7: 'I64',
  9: 'BOOL',
  10: 'F16',
  11: 'F64',
  16: 'BF16',
};
const names: Readonly<Record<number, string>> = {
  4: 'uint16', 8: 'string', 12: 'uint32', 13: 'uint64', 14: 'complex64', 15: 'complex128', 17: 'float8', 18: 'float8', 19: 'float8', 20: 'float8',
  21: 'uint4', 22: 'int4', 23: 'float4',
}; // prettier-ignore
const mostRank = 8;
const mostElements = 2 ** 30;

export function readTensor(bytes: Uint8Array): OnnxTensor {
  const shape: number[] = [];
  const integers: number[] = [];
  const external = new Map<string, string>();
  const raw = new ByteList();
  let name = '';
  let type = 0;
  let isExternal = false;
  for (const field of fieldsOf(bytes)) {
    switch (field.number) {
      case 1:
        for (const extent of integersOf(field)) pushNumber(shape, extent);
        break;
      case 2:
        type = integer(field);
        break;
      case 4:
      case 9:
      case 10:
        raw.add(elements(field));
        break;
      case 5:
      case 7:
        for (const value of integersOf(field)) pushNumber(integers, value);
        break;
      case 8:
        name = text(field);
        break;
      case 13: {
        const [key, value] = readPair(message(field));
        external.set(key, value);
        break;
      }
      case 14:
        isExternal = integer(field) === 1;
        break;
    }
  }
  if (shape.length > mostRank) throw tooLarge(`the tensor '${name}' has ${shape.length} axes`);
  if (shape.some((extent) => !Number.isSafeInteger(extent) || extent < 0))
    throw damaged(`the tensor '${name}' has the shape [${shape.join(', ')}]`);
  const size = elementCount(shape);
  if (!(size <= mostElements)) throw tooLarge(`the tensor '${name}' has ${size} elements`);
  return {
    name,
    shape,
    size,
    type,
    raw: raw.bytes,
    integers,
    external: isExternal ? externalPart(name, external) : undefined,
  };
}

/** Elements of `float_data`, `raw_data` or `double_data`, as their bytes. */
function elements({ kind, number, bytes }: Field): Uint8Array {
  if (kind === 'varint') throw damaged(`field ${number} of a tensor should be numbers`);
  return bytes;
}

/** Bytes in several parts, which one part costs no copy. */
class ByteList {
  bytes: Uint8Array | undefined;
  private room = new Uint8Array(0);
  add(part: Uint8Array): void {
    if (this.bytes === undefined) {
      this.bytes = part;
      return;
    }
    const before = this.bytes.length;
    const length = before + part.length;
    if (this.room.length < length) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.bytes);
      this.room = larger;
    }
    this.room.set(part, before);
    this.bytes = this.room.subarray(0, length);
  }
}

function readPair(bytes: Uint8Array): readonly [string, string] {
  let key = '';
  let value = '';
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) key = text(field);
    else if (field.number === 2) value = text(field);
  }
  return [key, value];
}

/** Throws `OnnxError` for a place that is not inside of the model's folder. Links are not judged here. */
function externalPart(name: string, entries: ReadonlyMap<string, string>): ExternalPart {
  const location = entries.get('location') ?? '';
  if (!isInside(location))
    throw new OnnxError(
      'external-data',
      `the tensor '${name}' lies in '${location}', which is not a file in the model's folder`,
      'save the model with its data beside it: onnx.save_model(model, path, save_as_external_data=True, location="weights.bin")',
    );
  const number = (key: string): number | undefined => {
    const words = entries.get(key);
    if (words === undefined) return undefined;
    const value = /^\d{1,16}$/.test(words) ? Number(words) : NaN;
    if (Number.isSafeInteger(value)) return value;
    throw damaged(`the tensor '${name}' has the ${key} '${words}'`);
  };
  return { location, offset: number('offset') ?? 0, length: number('length') };
}

/** Elements, row-major, as float32. Throws `OnnxError` if there are more or fewer than the shape says. */
export function floatsOfTensor(tensor: OnnxTensor, external: ExternalData): Float32Array {
  const type = elementType(tensor);
  if (tensor.external === undefined && tensor.raw === undefined) {
    checkCount(tensor, tensor.integers.length);
    if (type !== 'F16' && type !== 'BF16') return Float32Array.from(tensor.integers);
    const bits = Uint16Array.from(tensor.integers);
    return toFloat32(new Uint8Array(bits.buffer), type);
  }
  return toFloat32(storedBytes(tensor, type, external), type);
}

/** Elements of a small tensor of whole numbers. */
export function integersOfTensor(tensor: OnnxTensor, external: ExternalData): readonly number[] {
  const type = elementType(tensor);
  if (tensor.external === undefined && tensor.raw === undefined) {
    checkCount(tensor, tensor.integers.length);
    return tensor.integers;
  }
  const bytes = storedBytes(tensor, type, external);
  if (type !== 'I64') return Array.from(toFloat32(bytes, type));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: tensor.size }, (_, at) => Number(view.getBigInt64(8 * at, true)));
}

/** Whether the elements are whole numbers, as those of shapes and axes are. */
export function isIntegral({ type }: OnnxTensor): boolean {
  return type === 6 || type === 7;
}

function elementType({ name, type }: OnnxTensor): ElementType {
  const known = Object.hasOwn(types, type) ? types[type] : undefined;
  if (known !== undefined) return known;
  throw new OnnxError(
    'not-supported',
    `the tensor '${name}' has the type ${names[type] ?? type}, which is not read`,
    'export the model with float32 weights, which is model.float() in PyTorch',
  );
}

function storedBytes(tensor: OnnxTensor, type: ElementType, external: ExternalData): Uint8Array {
  const width = elementBytes[type];
  let bytes = tensor.raw ?? new Uint8Array(0);
  if (tensor.external !== undefined) {
    const { location, offset, length = tensor.size * width } = tensor.external;
    const file = external(location);
    if (offset + length > file.length)
      throw new OnnxError(
        'external-data',
        `the tensor '${tensor.name}' needs bytes ${offset} to ${offset + length} of ${location}, which has ${file.length}`,
        `${location} does not belong to this model or is truncated: export or fetch both again`,
      );
    bytes = file.subarray(offset, offset + length);
  }
  if (bytes.length % width !== 0) throw damaged(`the tensor '${tensor.name}' ends in the middle of a number`);
  checkCount(tensor, bytes.length / width);
  return bytes;
}

function checkCount({ name, shape, size }: OnnxTensor, count: number): void {
  if (count !== size)
    throw damaged(`the tensor '${name}' of shape [${shape.join(', ')}] has ${count} elements`);
}

/** The files beside the model that its tensors lie in, each once. */
export function externalLocations(tensors: Iterable<OnnxTensor>): readonly string[] {
  const found = new Set<string>();
  for (const { external } of tensors) if (external !== undefined) found.add(external.location);
  return [...found];
}
