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
 * Databases that are kept elsewhere, by the digest of their bytes: a recipe in the cache names its patches, so that a hundred recipes
 * of one database hold it once.
 */
export interface PatchLibrary {
  /** Keeps the patches and returns their digest. */
  readonly keep: (patches: Patches) => string;
  /** The patches of a digest. Throws where they cannot be read. */
  readonly find: (digest: string) => Patches;
}

/** A library over objects by digest. */
export function libraryOf(read: (digest: string) => Uint8Array): Pick<PatchLibrary, 'find'> {
  return { find: (digest) => decodePatches(read(digest)) };
}

/** A step as JSON: `patches` is the digest of its database. */
type StepJson = Omit<TransformStep, 'patches'> & { readonly patches?: string };

/**
 * A recipe is canonical JSON that names its patches in the library. Without a library, a recipe with patches is a safetensors file that
 * holds them, the patches of step i as `i.patches`, `i.mean` and `i.basis`, and the JSON in its metadata: what is exported.
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
  // A safetensors file begins with a multiple of 8, the length of its header; '{' is none.
  if (bytes[0] === '{'.charCodeAt(0)) {
    const named = JSON.parse(Buffer.from(bytes).toString('utf8')) as Omit<Transform, 'steps'> & {
      readonly steps: readonly StepJson[];
    };
    const steps = named.steps.map(({ patches, ...step }): TransformStep => {
      if (patches === undefined) return step;
      if (library === undefined) throw new SafetensorsError('the patches of this recipe are kept elsewhere');
      return { ...step, patches: library.find(patches) };
    });
    return { ...named, steps };
  }
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
