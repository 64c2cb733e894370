/** Converts stored numbers of any type to float32. Both supported formats are little-endian. */
import { elementBytes } from '../../values/safetensors.ts';

/** The types that are read as float32. */
export type ElementType = Exclude<keyof typeof elementBytes, 'U16' | 'U32' | 'U64'>;

export function isElementType(type: string): type is ElementType {
  return type === 'F32' || Object.hasOwn(readers, type);
}

/**
 * Returns a copy. Doubles and long integers are rounded to the nearest float32. `bytes` must be a whole
 * number of elements.
 */
export function toFloat32(bytes: Uint8Array, type: ElementType): Float32Array {
  const count = bytes.length / elementBytes[type];
  if (type === 'F32') {
    // This copies first, because the bytes may not be aligned.
    return new Float32Array(new Uint8Array(bytes).buffer);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(count);
  const read = readers[type];
  for (let index = 0; index < count; index++) values[index] = read(view, index);
  return values;
}

const readers: Readonly<Record<Exclude<ElementType, 'F32'>, (view: DataView, index: number) => number>> = {
  F64: (view, index) => view.getFloat64(8 * index, true),
  F16: (view, index) => halfToNumber(view.getUint16(2 * index, true)),
  BF16: (view, index) => bfloatToNumber(view.getUint16(2 * index, true)),
  I64: (view, index) => Number(view.getBigInt64(8 * index, true)),
  I32: (view, index) => view.getInt32(4 * index, true),
  I16: (view, index) => view.getInt16(2 * index, true),
  I8: (view, index) => view.getInt8(index),
  U8: (view, index) => view.getUint8(index),
  BOOL: (view, index) => view.getUint8(index),
};

/** The number whose IEEE 754 binary16 form is `bits`. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** The number whose bfloat16 form, the upper half of a float32, is `bits`. */
function bfloatToNumber(bits: number): number {
  word.setUint32(0, bits * 0x10000);
  return word.getFloat32(0);
}
