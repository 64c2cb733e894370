/**
 * The archive of `torch.export.save`: a zip with the program as JSON (`models/model.json`), and the bytes of its tensors, of which
 * `data/weights/model_weights_config.json` and `data/constants/model_constants_config.json` say the types and shapes. The format
 * is that of torch/export/pt2_archive and torch/_export/serde/schema.py of PyTorch 2.13.
 */
import { elementCount } from '../../values/element-count.ts';
import { elementBytes } from '../../values/safetensors.ts';
import { walk } from '../imported/walk.ts';
import { WeightsError } from '../weights/errors.ts';
import { toFloat32 } from '../weights/floats.ts';
import type { ElementType } from '../weights/floats.ts';
import { isZip, readStoredZip } from '../weights/zip.ts';
import type { ZipEntry } from '../weights/zip.ts';
import { damaged, TorchExportError, tooLarge } from './errors.ts';
import { list, part, record, text, union } from './json.ts';
import type { JsonRecord } from './json.ts';

export interface StoredTensor {
  readonly shape: readonly number[];
  readonly isIntegral: boolean;
  /** The elements, row-major. */
  readonly floats: () => Float32Array;
}

export interface Archive {
  readonly program: JsonRecord;
  /** Tensors by the name that the signature of the program has for them. */
  readonly weights: ReadonlyMap<string, StoredTensor>;
  readonly constants: ReadonlyMap<string, StoredTensor>;
}

/** The schema that is read, and the version of PyTorch that is known to write it. */
export const schemaMajor = 8;
export const torchVersion = '2.13';

const mostJsonBytes = 64 * 2 ** 20;
const mostRank = 8;
/** Numbers of `ScalarType` in PyTorch's schema. */
const types: Readonly<Record<number, ElementType>> = {
  1: 'U8',
  2: 'I8',
  3: 'I16',
  4: 'I32',
  5: 'I64',
  6: 'F16',
  7: 'F32',
  8: 'F64',
  12: 'BOOL',
  13: 'BF16',
};

/** Reads the program in a `.pt2` archive. Its tensors are decoded when they are read. Throws `TorchExportError`. */
export function readArchive(bytes: Uint8Array): Archive {
  if (!isZip(bytes))
    throw new TorchExportError(
      'damaged',
      'the file is not a zip archive, as torch.export.save writes it',
      'read an ONNX file with model/onnx, or write the network with torch.export.save',
    );
  const entries = entriesOf(bytes);
  const names = [...entries.keys()];
  const format = names.find((name) => name === 'archive_format' || name.endsWith('/archive_format'));
  if (format === undefined) throw otherFile(names);
  const folder = format.slice(0, -'archive_format'.length);
  let bytesLeft = bytes.length;
  const find = (name: string): Uint8Array | undefined => {
    const entry = entries.get(folder + name);
    if (entry === undefined) return undefined;
    // Entries that lie on one another would make the work grow with the square of the file.
    bytesLeft -= entry.length;
    if (bytesLeft < 0) throw damaged('its entries lie on one another');
    return read(entry);
  };
  const word = (name: string): string | undefined => {
    const found = find(name);
    return found === undefined ? undefined : new TextDecoder().decode(found.subarray(0, 64)).trim();
  };
  if (word('archive_format') !== 'pt2') throw otherFile(names);
  const version = word('archive_version') ?? '0';
  if (version !== '0')
    throw new TorchExportError(
      'not-supported',
      `the archive has version ${version}, but version 0 is read`,
      `write it with torch ${torchVersion}`,
    );
  if ((word('byteorder') ?? 'little') !== 'little')
    throw new TorchExportError(
      'not-supported',
      'the file was written on a big-endian machine',
      'write it on another machine',
    );
  const models = names.filter((name) => name.startsWith(`${folder}models/`) && name.endsWith('.json'));
  const [model] = models;
  if (model === undefined || models.length > 1)
    throw new TorchExportError(
      'not-supported',
      `the archive has ${models.length} programs, but must have one`,
      'write the program with torch.export.save; a package of AOTInductor is compiled code, which is not read',
    );
  const name = model.slice(folder.length + 'models/'.length, -'.json'.length);
  const program = record(json(find(model.slice(folder.length)), 'its program'), 'its program');
  checkSchema(program);
  const tensors = (kind: 'weights' | 'constants'): ReadonlyMap<string, StoredTensor> => {
    const config = json(find(`data/${kind}/${name}_${kind}_config.json`), `its list of ${kind}`);
    const data = new Map<string, Uint8Array>();
    const dataOf = (path: string): Uint8Array => {
      const known = data.get(path) ?? find(`data/${kind}/${path}`);
      if (known === undefined) throw damaged(`it lacks the ${kind} '${path}'`);
      data.set(path, known);
      return known;
    };
    const what = `its list of ${kind}`;
    const listed = Object.entries(record(part(record(config, what), 'config'), what));
    return new Map(listed.map(([own, payload]) => [own, tensorOf(own, record(payload, `'${own}'`), dataOf)]));
  };
  return { program, weights: tensors('weights'), constants: tensors('constants') };
}

function entriesOf(bytes: Uint8Array): ReadonlyMap<string, ZipEntry> {
  try {
    return readStoredZip(bytes);
  } catch (error) {
    if (error instanceof WeightsError) throw damaged(error.message);
    throw error;
  }
}

function read(entry: ZipEntry): Uint8Array {
  try {
    return entry.read();
  } catch (error) {
    if (error instanceof WeightsError) throw damaged(error.message);
    throw error;
  }
}

function otherFile(names: readonly string[]): TorchExportError {
  const isOld = names.some((name) => name.endsWith('serialized_exported_program.json'));
  const isCheckpoint = names.some((name) => name.endsWith('data.pkl'));
  const kind = isOld
    ? 'is a program of an older torch.export'
    : isCheckpoint
      ? 'is a checkpoint of torch.save or a program of TorchScript'
      : 'is a zip archive of another kind';
  return new TorchExportError(
    'not-supported',
    `the file ${kind}, not a program of torch.export`,
    isCheckpoint && !isOld
      ? 'export the network: torch.export.save(torch.export.export(model, (images,)), "mine.pt2")'
      : `write it with torch.export.save of torch ${torchVersion}`,
  );
}

function json(bytes: Uint8Array | undefined, what: string): unknown {
  if (bytes === undefined)
    throw new TorchExportError(
      'not-supported',
      `the archive lacks ${what}, as those of older versions do`,
      `write it with torch ${torchVersion}`,
    );
  if (bytes.length > mostJsonBytes) throw tooLarge(`${what} has ${bytes.length} bytes`);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw damaged(`${what} is not JSON`);
  }
}

function checkSchema(program: JsonRecord): void {
  const schema = record(part(program, 'schema_version'), 'its schema_version');
  const major = part(schema, 'major');
  if (major === schemaMajor) return;
  const by = part(program, 'torch_version');
  throw new TorchExportError(
    'not-supported',
    `the program has version ${shortly(major)} of its schema${typeof by === 'string' ? ` (torch ${by.slice(0, 40)})` : ''}, but version ${schemaMajor} is read`,
    `write it with torch ${torchVersion}`,
  );
}

/** A value of the file for a message. Objects have no text of their own: they may say that their `toString` is a number. */
function shortly(value: unknown): string {
  return typeof value === 'number' || typeof value === 'string' ? String(value).slice(0, 20) : typeof value;
}

/** A tensor is a view of stored elements, with strides. */
function tensorOf(name: string, payload: JsonRecord, dataOf: (path: string) => Uint8Array): StoredTensor {
  const meta = record(part(payload, 'tensor_meta'), `the description of '${name}'`);
  if (part(payload, 'use_pickle') === true)
    throw new TorchExportError(
      'not-supported',
      `the tensor '${name}' is pickled, as those of subclasses of Tensor are`,
      'export the network with ordinary tensors, without quantisation or distribution',
    );
  const numbers = (key: string): readonly number[] =>
    list(part(meta, key), `${key} of '${name}'`).map((value) => extent(value, `${key} of '${name}'`));
  const shape = numbers('sizes');
  const strides = numbers('strides');
  const offset = extent(part(meta, 'storage_offset'), `the offset of '${name}'`);
  const dtype = part(meta, 'dtype');
  const type = typeof dtype === 'number' ? types[dtype] : undefined;
  if (type === undefined)
    throw new TorchExportError(
      'not-supported',
      `the tensor '${name}' has elements of the type ${shortly(dtype)} of PyTorch's schema`,
      'export the network in float32',
    );
  if (shape.length > mostRank || strides.length !== shape.length)
    throw damaged(`'${name}' has ${shape.length} axes and ${strides.length} strides`);
  const path = text(part(payload, 'path_name'), `the path of '${name}'`);
  const size = elementCount(shape);
  return {
    shape,
    isIntegral: type.startsWith('I') || type.startsWith('U') || type === 'BOOL',
    floats: () => {
      const data = dataOf(path);
      const stored = data.length / elementBytes[type];
      const last = offset + shape.reduce((sum, own, axis) => sum + (own - 1) * strides[axis]!, 0);
      if (!Number.isInteger(stored) || (size > 0 && !(last < stored)) || size > stored)
        throw damaged(`the tensor '${name}' of shape [${shape.join(', ')}] exceeds its ${data.length} bytes`);
      const all = toFloat32(data, type);
      let step = 1;
      const isPlain = [...shape].reverse().every((own, back) => {
        const isNext = own === 1 || strides[shape.length - 1 - back] === step;
        step *= own;
        return isNext;
      });
      if (isPlain) return all.subarray(offset, offset + size);
      return Float32Array.from(walk(shape, strides, offset), (place) => all[place]!);
    },
  };
}

function extent(value: unknown, what: string): number {
  const [kind, content] = union(value) ?? [];
  if (kind === 'as_int' && Number.isSafeInteger(content) && (content as number) >= 0)
    return content as number;
  throw damaged(`${what} is not a number from 0 on`);
}
