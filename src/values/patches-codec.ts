import { canonicalJson } from './json.ts';
import type { Patches } from './patches.ts';
import { decodeSafetensors, encodeSafetensors, SafetensorsError, type StoredTensor } from './safetensors.ts';
import type { Transform, TransformStep } from './transform.ts';

type Tensors = Readonly<Record<string, StoredTensor>>;

export function encodePatches(patches: Patches): Uint8Array {
  return encodeSafetensors(patchTensors(patches, ''), { kind: 'patches' });
}

export function decodePatches(bytes: Uint8Array): Patches {
  return readPatches(decodeSafetensors(bytes).tensors, '');
}

/**
 * A recipe is canonical JSON; one with patches is a safetensors file with that JSON in its metadata and the patches of step i as
 * `i.patches`, `i.mean` and `i.basis`.
 */
export function encodeTransform(transform: Transform): Uint8Array {
  const tensors: Record<string, StoredTensor> = {};
  const steps = transform.steps.map(({ patches, ...step }, index) => {
    if (patches) Object.assign(tensors, patchTensors(patches, `${index}.`));
    return step;
  });
  const text = canonicalJson({ ...transform, steps });
  if (Object.keys(tensors).length === 0) return Buffer.from(text, 'utf8');
  return encodeSafetensors(tensors, { kind: 'transform', transform: text });
}

export function decodeTransform(bytes: Uint8Array): Transform {
  // A safetensors file begins with a multiple of 8, the length of its header; '{' is none.
  if (bytes[0] === '{'.charCodeAt(0)) return JSON.parse(Buffer.from(bytes).toString('utf8')) as Transform;
  const { tensors, metadata } = decodeSafetensors(bytes);
  const text = metadata['transform'];
  if (text === undefined) throw new SafetensorsError('no transform in the metadata');
  const transform = JSON.parse(text) as Transform;
  const steps = transform.steps.map((step, index): TransformStep => {
    const prefix = `${index}.`;
    return tensors[`${prefix}patches`] ? { ...step, patches: readPatches(tensors, prefix) } : step;
  });
  return { ...transform, steps };
}

function patchTensors({ pixels, shape, mean, basis }: Patches, prefix: string): Record<string, StoredTensor> {
  return {
    [`${prefix}patches`]: { dtype: 'U8', shape, data: pixels },
    [`${prefix}mean`]: { dtype: 'F32', shape: [mean.length], data: mean },
    [`${prefix}basis`]: { dtype: 'F32', shape: [mean.length, mean.length], data: basis },
  };
}

function readPatches(tensors: Tensors, prefix: string): Patches {
  const pixels = tensors[`${prefix}patches`];
  const mean = tensors[`${prefix}mean`];
  const basis = tensors[`${prefix}basis`];
  if (pixels?.dtype !== 'U8' || mean?.dtype !== 'F32' || basis?.dtype !== 'F32') {
    throw new SafetensorsError("no uint8 tensor 'patches' with float32 'mean' and 'basis'");
  }
  const [, size, width, channels] = pixels.shape;
  const dimensions = size! * width! * channels!;
  if (
    pixels.shape.length !== 4 ||
    size !== width ||
    mean.data.length !== dimensions ||
    basis.data.length !== dimensions ** 2
  ) {
    throw new SafetensorsError(
      "'patches' is not [count, size, size, channels] with 'mean' and 'basis' of its size",
    );
  }
  return {
    kind: 'patches',
    pixels: pixels.data,
    shape: pixels.shape as Patches['shape'],
    mean: mean.data,
    basis: basis.data,
  };
}
