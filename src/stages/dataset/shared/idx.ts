import { StageError } from '../../../runtime/stage.ts';
import { openData, readRange } from './files.ts';
import { elementCount } from '../../../values/element-count.ts';

export interface IdxHeader {
  readonly count: number;
  /** Extents of one item: `[28, 28]` for images, `[]` for labels. */
  readonly itemShape: readonly number[];
  /** Bytes before the first item. */
  readonly dataStart: number;
}

const unsignedByte = 0x08;

/**
 * Header of an IDX file of unsigned bytes (LeCun, Cortes and Burges, the MNIST page): two zero bytes, the
 * element type, the number of dimensions, then each extent as a big-endian uint32. Throws `StageError` unless
 * the file has exactly the length that it announces.
 */
export async function readIdxHeader(path: string, dimensions: number): Promise<IdxHeader> {
  const { handle, length } = await openData(path);
  try {
    const dataStart = 4 + 4 * dimensions;
    if (length < dataStart)
      throw badIdx(path, `it has ${length} bytes, less than the header of ${dataStart}`);
    const bytes = await readRange(handle, path, 0, dataStart);
    const view = new DataView(bytes.buffer);
    const magic = view.getUint32(0);
    const expected = (unsignedByte << 8) | dimensions;
    if (magic !== expected) {
      const gzip = magic >>> 16 === 0x1f8b ? ' (it is gzipped: unpack it first)' : '';
      throw badIdx(path, `its magic number is ${hex(magic)} instead of ${hex(expected)}${gzip}`);
    }
    const shape = Array.from({ length: dimensions }, (_, axis) => view.getUint32(4 + 4 * axis));
    const size = elementCount(shape);
    if (length !== dataStart + size) {
      throw badIdx(
        path,
        `its header declares [${shape.join(', ')}], ${dataStart + size} bytes, but it has ${length}`,
      );
    }
    // Billions of items without bytes would fit into a short file.
    if (size === 0 && shape[0]! > 0)
      throw badIdx(path, `its header declares items of no size: [${shape.join(', ')}]`);
    return { count: shape[0]!, itemShape: shape.slice(1), dataStart };
  } finally {
    await handle.close();
  }
}

/** Extents of one item by the first bytes of a file; null if they are not the header of an IDX file of bytes. */
export function idxItemShape(head: Uint8Array, dimensions: number): readonly number[] | null {
  if (head.length < 4 + 4 * dimensions) return null;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0) !== ((unsignedByte << 8) | dimensions)) return null;
  return Array.from({ length: dimensions - 1 }, (_, axis) => view.getUint32(8 + 4 * axis));
}

/** Items `first … first + count − 1`, read by their place in the file. */
export async function readIdxItems(
  path: string,
  dimensions: number,
  first: number,
  count: number,
): Promise<{ readonly header: IdxHeader; readonly bytes: Uint8Array }> {
  const header = await readIdxHeader(path, dimensions);
  const itemSize = elementCount(header.itemShape);
  const { handle } = await openData(path);
  try {
    return {
      header,
      bytes: await readRange(handle, path, header.dataStart + first * itemSize, count * itemSize),
    };
  } finally {
    await handle.close();
  }
}

function badIdx(path: string, problem: string): StageError {
  return new StageError(`${path} is not a valid IDX file: ${problem}`, {
    code: 'bad-data',
    file: path,
    fix: 'fetch the file again, and unpack it',
  });
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
