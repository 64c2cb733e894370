import type { FileHandle } from 'node:fs/promises';
import { StageError } from '../../../runtime/stage.ts';
import { foreignFormat } from '../../../values/foreign-format.ts';
import {
  readSafetensorsHeader,
  SafetensorsError,
  type SafetensorsHeader,
  safetensorsHeaderLength,
  type TensorEntry,
} from '../../../values/safetensors.ts';
import { openData, readRange } from './files.ts';
import { counted } from '../../../values/counted.ts';

/** An open safetensors file whose rows can be read one by one. The caller closes it. */
export interface OpenSafetensors {
  readonly path: string;
  readonly header: SafetensorsHeader;
  readonly handle: FileHandle;
  readonly close: () => Promise<void>;
}

export async function openSafetensors(path: string): Promise<OpenSafetensors> {
  const { handle, length } = await openData(path);
  try {
    const prefix = await readRange(handle, path, 0, Math.min(32, length));
    const format = foreignFormat(prefix);
    if (format !== null)
      throw badData(
        path,
        `the file is ${format}; a safetensors file is needed`,
        "write it with safetensors.numpy.save_file({'images': images, 'labels': labels}, 'data.safetensors')",
      );
    const headerBytes = Math.min(length, 8 + safetensorsHeaderLength(prefix));
    const header = readSafetensorsHeader(await readRange(handle, path, 0, headerBytes), length);
    return { path, header, handle, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    if (error instanceof StageError) throw error;
    const fix = error instanceof SafetensorsError ? error.fix : undefined;
    throw badData(
      path,
      error instanceof Error ? error.message : String(error),
      fix ?? 'write the file again',
    );
  }
}

/**
 * Shape of the image tensor. Throws `StageError` if it is missing or is not `[n, height, width, channels]`.
 */
export function imageShape(
  file: OpenSafetensors,
  name: string,
): [rows: number, height: number, width: number, channels: number] {
  const { shape, dtype } = entryOf(file, name);
  const layout = 'store the images as [n, height, width, channels]';
  if (shape.length !== 4) throw badData(file.path, `'${name}' has shape [${shape.join(', ')}]`, layout);
  if (dtype !== 'F32' && dtype !== 'U8') {
    throw badData(file.path, `'${name}' has type ${dtype}`, 'store float32 in [0, 1], or uint8');
  }
  if (shape.includes(0)) throw badData(file.path, `'${name}' holds no image: [${shape.join(', ')}]`, layout);
  const channels = shape[3]!;
  if (channels > 4 && shape[1]! <= 4) {
    throw badData(
      file.path,
      `'${name}' has shape [${shape.join(', ')}]: ${channels} channels`,
      `${layout}; this looks like [n, channels, height, width]`,
    );
  }
  return shape as unknown as [number, number, number, number];
}

/**
 * Rows of an image tensor as stored. Throws a `StageError` that names the first row with NaN or a value
 * outside [0, 1].
 */
export async function readImageRows(
  file: OpenSafetensors,
  name: string,
  first: number,
  count: number,
): Promise<Float32Array | Uint8Array> {
  const entry = entryOf(file, name);
  const bytes = await readRows(file, entry, first, count);
  if (entry.dtype === 'U8') return bytes;
  const pixels = new Float32Array(bytes.buffer);
  // Negated, so that NaN counts as wrong.
  const wrong = pixels.findIndex((value) => !(value >= 0 && value <= 1));
  if (wrong >= 0) {
    const value = pixels[wrong]!;
    const row = first + Math.floor((wrong * count) / pixels.length);
    throw badData(
      file.path,
      `row ${row} of '${name}' has the value ${value}, outside [0, 1]`,
      Number.isFinite(value)
        ? 'scale the pixels to [0, 1] (divide by 255, undo a normalisation), or store uint8'
        : `remove or repair row ${row}`,
    );
  }
  return pixels;
}

/** Rows of a one-dimensional integer tensor that has `length` rows in all. */
export async function readIntegerRows(
  file: OpenSafetensors,
  name: string,
  length: number,
  first: number,
  count: number,
): Promise<Int32Array> {
  const entry = entryOf(file, name);
  if (entry.shape.length !== 1 || entry.shape[0] !== length) {
    throw badData(
      file.path,
      `'${name}' has shape [${entry.shape.join(', ')}] for ${counted(length, 'image')}`,
      `store one integer an image: [${length}]`,
    );
  }
  const read = integerReaders[entry.dtype];
  if (read === undefined)
    throw badData(file.path, `'${name}' has type ${entry.dtype}`, 'store int32 or int64');
  const bytes = await readRows(file, entry, first, count);
  const view = new DataView(bytes.buffer);
  const width = bytes.length / count;
  return Int32Array.from({ length: count }, (_, index) => {
    const value = read(view, index * width);
    if (value !== (value | 0)) {
      throw badData(file.path, `row ${first + index} of '${name}' is ${value}`, 'store integers below 2^31');
    }
    return value;
  });
}

const integerReaders: Readonly<Record<string, (view: DataView, at: number) => number>> = {
  I64: (view, at) => Number(view.getBigInt64(at, true)),
  U64: (view, at) => Number(view.getBigUint64(at, true)),
  I32: (view, at) => view.getInt32(at, true),
  U32: (view, at) => view.getUint32(at, true),
  I16: (view, at) => view.getInt16(at, true),
  U16: (view, at) => view.getUint16(at, true),
  I8: (view, at) => view.getInt8(at),
  U8: (view, at) => view.getUint8(at),
};

async function readRows(
  file: OpenSafetensors,
  entry: TensorEntry,
  first: number,
  count: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const rowBytes = (entry.end - entry.start) / entry.shape[0]!;
  return readRange(
    file.handle,
    file.path,
    file.header.dataStart + entry.start + first * rowBytes,
    count * rowBytes,
  );
}

function entryOf(file: OpenSafetensors, name: string): TensorEntry {
  const entry = file.header.tensors.get(name);
  if (entry !== undefined) return entry;
  const names = [...file.header.tensors.keys()].map((key) => `'${key}'`).join(', ');
  throw badData(
    file.path,
    `there is no tensor '${name}' in the file`,
    `use one of ${names || 'none: the file is empty'}`,
  );
}

function badData(path: string, problem: string, fix: string): StageError {
  return new StageError(`${path}: ${problem}`, { code: 'bad-data', file: path, fix });
}
