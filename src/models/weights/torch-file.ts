/**
 * Reads the files of `torch.save`, in the zip form of PyTorch 1.6 and later and the plain form before it,
 * without running the pickle inside (see pickle.ts).
 */
import { WeightsError } from './errors.ts';
import { elementBytes } from '../../values/safetensors.ts';
import { toFloat32 } from './floats.ts';
import type { ElementType } from './floats.ts';
import type { NamedTensors, RawTensor } from './named-tensors.ts';
import { PickleGlobal, readPickle } from './pickle.ts';
import type { Opaque, PickleHooks, PickleValue } from './pickle.ts';
import { saveStateDictionary, stateDictionary } from './state-dictionary.ts';
import { readStoredZip } from './zip.ts';
import { elementCount } from '../../values/element-count.ts';

const storageTypes: Readonly<Record<string, ElementType>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};
const names = {
  dictionary: 'collections.OrderedDict',
  tensor: 'torch._utils._rebuild_tensor_v2',
  parameter: 'torch._utils._rebuild_parameter',
};

class Storage implements Opaque {
  readonly opaque = 'storage';
  readonly key: string;
  readonly type: ElementType;
  readonly count: number;
  constructor(key: string, type: ElementType, count: number) {
    this.key = key;
    this.type = type;
    this.count = count;
  }
}

class Tensor implements Opaque {
  readonly opaque = 'tensor';
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** Reads the zip form, with `NAME/data.pkl` and each storage's bytes in `NAME/data/KEY`. */
export function readTorchZip(bytes: Uint8Array): NamedTensors {
  const entries = readStoredZip(bytes);
  const pickle = [...entries.keys()].find((name) => name === 'data.pkl' || name.endsWith('/data.pkl'));
  if (pickle === undefined) throw noPickle([...entries.keys()]);
  const folder = pickle.slice(0, -'data.pkl'.length);
  const order = entries.get(`${folder}byteorder`)?.read();
  if (order !== undefined && new TextDecoder().decode(order) !== 'little')
    throw new WeightsError('the file was written on a big-endian machine, which is not supported');
  const { value } = readPickle(entries.get(pickle)!.read(), torchHooks());
  return collect(value, ({ key }) => {
    const entry = entries.get(`${folder}data/${key}`);
    if (entry === undefined) throw new WeightsError(`the archive lacks the data '${key}'`);
    return entry.read();
  });
}

function noPickle(names: readonly string[]): WeightsError {
  if (names.some((name) => name === 'archive_format' || name.endsWith('/archive_format')))
    return new WeightsError(
      'the file is a whole network of torch.export',
      'name it .pt2, and read it with model/torch-export',
    );
  const kind = names.some((name) => name.endsWith('.npy')) ? ', as .npz,' : '';
  return new WeightsError(
    `the file is a zip archive${kind} without a data.pkl, so torch.save did not write it`,
    saveStateDictionary,
  );
}

/**
 * Reads the form before 1.6: five pickles (magic number, version, system, value, storage keys), then each
 * storage's length and bytes.
 */
export function readTorchLegacy(bytes: Uint8Array): NamedTensors {
  const hooks = torchHooks();
  const storages = new Map<string, Storage>();
  const remember: PickleHooks = {
    ...hooks,
    persistent: (id) => {
      const storage = hooks.persistent(id);
      if (storage instanceof Storage) storages.set(storage.key, storage);
      return storage;
    },
  };
  let end = 0;
  const next = (): PickleValue => {
    const part = readPickle(bytes, remember, end);
    end = part.end;
    return part.value;
  };
  const magic = next();
  if (magic !== 0x1950a86a20f9469cfc6cn)
    throw new WeightsError('the file is a pickle, but torch.save did not write it');
  next();
  next();
  const value = next();
  const keys = next();
  if (!Array.isArray(keys)) throw new WeightsError('the list of storages is missing');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new Map<string, Uint8Array>();
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (typeof key !== 'string' || storage === undefined)
      throw new WeightsError('the list of storages names one without a tensor');
    const length = storage.count * elementBytes[storage.type];
    if (end + 8 + length > bytes.length)
      throw new WeightsError(
        `the file is truncated at ${bytes.length} bytes; ${end + 8 + length} are needed`,
      );
    if (view.getBigInt64(end, true) !== BigInt(storage.count))
      throw new WeightsError(`the storage '${key}' has another length than its tensor`);
    data.set(key, bytes.subarray(end + 8, end + 8 + length));
    end += 8 + length;
  }
  return collect(value, ({ key }) => {
    const found = data.get(key);
    if (found === undefined) throw new WeightsError(`the file lacks the data '${key}'`);
    return found;
  });
}

function torchHooks(): PickleHooks {
  const storageName = (name: string): ElementType | undefined => {
    const [, type] = /^torch\.(\w+)$/.exec(name) ?? [];
    return type !== undefined && Object.hasOwn(storageTypes, type) ? storageTypes[type] : undefined;
  };
  return {
    allows: (name) => Object.values(names).includes(name) || storageName(name) !== undefined,
    call: (name, args) => {
      if (name === names.dictionary) {
        const pairs = args[0] ?? [];
        if (!Array.isArray(pairs))
          throw new WeightsError('a dictionary is made of something that is not a list');
        return new Map(
          pairs.map((pair) => {
            if (Array.isArray(pair) && pair.length === 2) return pair as [PickleValue, PickleValue];
            throw new WeightsError('a dictionary is made of something that is not a pair');
          }),
        );
      }
      if (name === names.parameter && args[0] instanceof Tensor) return args[0];
      if (name === names.tensor) return rebuildTensor(args);
      throw new WeightsError(`the pickle calls '${name}' in an unknown way`);
    },
    persistent: (id) => {
      const [kind, type, key, , count, view] = Array.isArray(id) ? id : [];
      const element = type instanceof PickleGlobal ? storageName(type.name) : undefined;
      if (
        kind !== 'storage' ||
        element === undefined ||
        typeof key !== 'string' ||
        !isNatural(count) ||
        (view ?? null) !== null
      )
        throw new WeightsError('the pickle refers to something outside it that is not a storage');
      return new Storage(key, element, count);
    },
  };
}

function rebuildTensor([storage, offset, shape, strides]: readonly PickleValue[]): Tensor {
  if (!(storage instanceof Storage) || !isNatural(offset) || !isNaturals(shape) || !isNaturals(strides))
    throw new WeightsError('a tensor is described in an unknown way');
  const count = elementCount(shape);
  const last = shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis]!, offset);
  // A repeated element (stride 0) could take any amount of memory. Extents may multiply to infinity, and
  // infinity times 0 is NaN.
  if (shape.length !== strides.length || !(count <= storage.count) || (count > 0 && last >= storage.count))
    throw new WeightsError(`a tensor [${shape.join(', ')}] exceeds its ${storage.count} stored numbers`);
  return new Tensor(storage, offset, shape, strides);
}

function isTensor(value: PickleValue): value is Tensor {
  return value instanceof Tensor;
}

function collect(value: PickleValue, dataOf: (storage: Storage) => Uint8Array): NamedTensors {
  const tensors = new Map<string, RawTensor>();
  for (const [name, tensor] of stateDictionary(value, isTensor)) {
    tensors.set(name, { shape: tensor.shape, type: tensor.storage.type, read: () => gather(tensor, dataOf) });
  }
  return tensors;
}

function gather(
  { storage, offset, shape, strides }: Tensor,
  dataOf: (storage: Storage) => Uint8Array,
): Float32Array {
  const size = elementBytes[storage.type];
  const bytes = dataOf(storage);
  if (bytes.length !== storage.count * size)
    throw new WeightsError(
      `the data '${storage.key}' has ${bytes.length} bytes instead of ${storage.count * size}`,
    );
  const count = elementCount(shape);
  let dense = 1;
  const contiguous = shape
    .map((extent, axis) => [extent, strides[axis]!] as const)
    .reverse()
    .every(([extent, stride]) => {
      const fits = extent === 1 || stride === dense;
      dense *= extent;
      return fits;
    });
  if (contiguous) return toFloat32(bytes.subarray(offset * size, (offset + count) * size), storage.type);
  const all = toFloat32(bytes, storage.type);
  const result = new Float32Array(count);
  const position = shape.map(() => 0);
  for (let index = 0, from = offset; index < count; index++) {
    result[index] = all[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++position[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]!;
      position[axis] = 0;
    }
  }
  return result;
}

function isNaturals(value: PickleValue | undefined): value is number[] {
  return Array.isArray(value) && value.every(isNatural);
}

function isNatural(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
