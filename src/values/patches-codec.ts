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
 * Stores patch databases by the digest of their bytes. A recipe in the cache refers to its patches by digest,
 * so that a hundred recipes share one stored database.
 */
export interface PatchLibrary {
  /** Stores the patches and returns their digest. */
  readonly keep: (patches: Patches) => string;
  /** Returns the patches with this digest. Throws if they cannot be read. */
  readonly find: (digest: string) => Patches;
}

/** A library that reads its objects by digest. */
export function libraryOf(read: (digest: string) => Uint8Array): Pick<PatchLibrary, 'find'> {
  return { find: (digest) => decodePatches(read(digest)) };
}

/** A step as JSON: `patches` is the digest of its database. */
type StepJson = Omit<TransformStep, 'patches'> & { readonly patches?: string };

/**
 * With a library, a recipe is canonical JSON that refers to its patches by digest. Without one, as in an
 * export, a recipe with patches is a safetensors file: the patches of step i are `i.patches`, `i.mean` and
 * `i.basis`, and the JSON is in the metadata.
 */
export function encodeTransform(transform: Transform, library?: Pick<PatchLibrary, 'keep'>): Uint8Array {
  if (library !== undefined) {
    const steps = transform.steps.map(({ patches, ...step }): StepJson =>
      patches ? { ...step, patches: library.keep(patches) } : step,
    );
    return Buffer.from(canonicalJson({ ...transform, steps }), 'utf8');
  }
  const tensors: Record<string, StoredTensor> = {};
  const steps = transform.steps.map(({ patches, ...step }, index) => {
    if (patches) Object.assign(tensors, patchTensors(patches, `${index}.`));
    return step;
  });
  const text = canonicalJson({ ...transform, steps });
  if (Object.keys(tensors).length === 0) return Buffer.from(text, 'utf8');
  return encodeSafetensors(tensors, { kind: 'transform', transform: text });
}

export function decodeTransform(bytes: Uint8Array, library?: Pick<PatchLibrary, 'find'>): Transform {
  // A safetensors file begins with the length of its header, a multiple of 8, which the byte '{' is not.
  if (bytes[0] === '{'.charCodeAt(0)) {
    const named = JSON.parse(Buffer.from(bytes).toString('utf8')) as Omit<Transform, 'steps'> & {
      readonly steps: readonly StepJson[];
    };
    const steps = named.steps.map(({ patches, ...step }): TransformStep => {
      if (patches === undefined) return step;
      if (library === undefined)
        throw new SafetensorsError('the patches of this recipe are stored elsewhere');
      return { ...step, patches: library.find(patches) };
    });
    return { ...named, steps };
  }
  const { tensors, metadata } = decodeSafetensors(bytes);
  const text = metadata['transform'];
  if (text === undefined) throw new SafetensorsError('the metadata has no transform');
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
    throw new SafetensorsError("there is no uint8 tensor 'patches' with float32 'mean' and 'basis'");
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
