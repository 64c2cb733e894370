/**
 * Reads the weights of a TensorFlow.js model: groups of shards that `weightsManifest` of its model.json
 * lists. Formats are those of the TensorFlow.js converter (`tfjs-core/src/io/types.ts`): float32, or uint8,
 * uint16 and float16 that stand for it, and int32 for the axes and shapes of a graph.
 */
import type { WeightTensor } from '../../values/model.ts';
import { WeightsError } from '../weights/errors.ts';
import { halfToNumber } from '../weights/floats.ts';
import { elementCount } from '../../values/element-count.ts';

export interface ManifestGroup {
  /** File names relative to model.json. */
  readonly paths: readonly string[];
  readonly weights: readonly ManifestWeight[];
}

interface ManifestWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: { readonly dtype: string; readonly scale?: number; readonly min?: number } | null;
}

/** Checks what an untrusted model.json states about its weights. Throws `WeightsError`. */
export function readManifest(manifest: unknown): readonly ManifestGroup[] {
  if (!isListOf(manifest, isGroup))
    throw new WeightsError('the model has no list of weights (weightsManifest)');
  for (const { paths } of manifest) {
    const outside = paths.find(
      (path) => path === '' || path.startsWith('/') || path.split(/[/\\]/).includes('..'),
    );
    if (outside !== undefined)
      throw new WeightsError(`the weights '${outside}' are outside the model's folder`);
  }
  return manifest;
}

function isGroup(value: unknown): value is ManifestGroup {
  return isRecord(value) && isListOf(value['paths'], isText) && isListOf(value['weights'], isWeight);
}

function isWeight(value: unknown): value is ManifestWeight {
  return (
    isRecord(value) &&
    isText(value['name']) &&
    isText(value['dtype']) &&
    isListOf(value['shape'], isExtent) &&
    isQuantization(value['quantization'] ?? null)
  );
}

function isQuantization(value: unknown): boolean {
  if (value === null) return true;
  if (!isRecord(value)) return false;
  const { dtype, scale = 1, min = 0 } = value;
  return isText(dtype) && typeof scale === 'number' && typeof min === 'number';
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every(isItem);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isExtent(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The tensors of one group from its concatenated shards. Throws `WeightsError` if they are truncated. */
export function decodeGroup(
  { weights, paths }: ManifestGroup,
  bytes: Uint8Array,
): Record<string, WeightTensor> {
  const tensors: Record<string, WeightTensor> = {};
  let offset = 0;
  for (const { name, shape, dtype, quantization } of weights) {
    const stored = quantization?.dtype ?? dtype;
    const width = Object.hasOwn(widths, stored) ? widths[stored] : undefined;
    if ((dtype !== 'float32' && dtype !== 'int32') || width === undefined)
      throw new WeightsError(
        `the weight '${name}' has type ${dtype} stored as ${stored}; only float32 and int32 are supported`,
      );
    const size = elementCount(shape);
    // This copies, because `slice` of a Buffer shares the memory of its neighbours.
    const part = new Uint8Array(bytes.subarray(offset, offset + size * width));
    if (part.length < size * width)
      throw new WeightsError(
        `${paths.join(', ')} end in the middle of the weight '${name}', so they are truncated`,
      );
    offset += size * width;
    tensors[name] = { shape, data: toFloats(part, stored, quantization?.scale ?? 1, quantization?.min ?? 0) };
  }
  return tensors;
}

const widths: Readonly<Record<string, number>> = { float32: 4, int32: 4, uint8: 1, uint16: 2, float16: 2 };

function toFloats(
  bytes: Uint8Array<ArrayBuffer>,
  stored: string,
  scale: number,
  minimum: number,
): Float32Array {
  switch (stored) {
    case 'float32':
      return new Float32Array(bytes.buffer);
    case 'int32':
      return Float32Array.from(new Int32Array(bytes.buffer));
    case 'uint8':
      return Float32Array.from(bytes, (value) => value * scale + minimum);
    case 'uint16':
      return Float32Array.from(new Uint16Array(bytes.buffer), (value) => value * scale + minimum);
    default:
      return Float32Array.from(new Uint16Array(bytes.buffer), halfToNumber);
  }
}
