import { createHash } from 'node:crypto';
import { openPatchSearch } from '../../kernels/patch-search/wasm.ts';
import { mostNeighbors, type Neighbors } from '../../kernels/patch-search/reference.ts';
import { currentBackend, probeBackend } from '../../tensors/backend.ts';
import type { BackendProbe } from '../../tensors/driver.ts';
import type { Patches } from '../../values/patches.ts';

/**
 * `tree`: the WASM kernel. `webgpu`: WGSL, for few neighbours. `matrix`: matrix products on the current tensor backend. All find the same, bit for
 * bit.
 */
export type SearchForm = 'tree' | 'webgpu' | 'matrix';

/** The form for a backend, null where none is open: on a GPU the device measures all patches, on a CPU the tree looks at few. */
export function searchFormFor(
  backend: Pick<BackendProbe, 'name' | 'device'> | null,
  neighbors: number,
): SearchForm {
  if (backend?.device?.kind !== 'gpu') return 'tree';
  return backend.name === 'webgpu' && neighbors <= mostNeighbors ? 'webgpu' : 'matrix';
}

/** The form for the backend that is open in this process. */
export function searchFormHere(neighbors: number): SearchForm {
  const backend = currentBackend();
  return searchFormFor(backend === null ? null : probeBackend(backend), neighbors);
}

export interface OpenedSearch {
  readonly nearest: (queries: Float32Array, neighbors: number) => Neighbors | Promise<Neighbors>;
  readonly dispose?: () => void;
}

/** Opened databases that a process keeps: a tree of 1,000,000 patches takes 170 MB, and opening it over a second. */
const kept = 2;

const digests = new WeakMap<Patches, string>();
const opened = new Map<string, OpenedSearch>();

/** The search of a database, opened once for all values of equal content; the least recently used go. */
export async function openedSearch(patches: Patches, form: SearchForm): Promise<OpenedSearch> {
  const key = `${form} ${digestOf(patches)}`;
  const search = opened.get(key) ?? (await openSearch(patches, form));
  opened.delete(key);
  opened.set(key, search);
  for (const [oldest, { dispose }] of opened) {
    if (opened.size <= kept) break;
    opened.delete(oldest);
    dispose?.();
  }
  return search;
}

async function openSearch(patches: Patches, form: SearchForm): Promise<OpenedSearch> {
  if (form === 'tree') return openPatchSearch(patches);
  if (form === 'webgpu') {
    const { openWebGpuSearch } = await import('../../kernels/patch-search/webgpu.ts');
    return openWebGpuSearch(patches);
  }
  const { openMatrixSearch } = await import('../../kernels/patch-search/matrix-search.ts');
  return openMatrixSearch(patches);
}

function digestOf(patches: Patches): string {
  let digest = digests.get(patches);
  if (digest === undefined) {
    const { pixels, shape, mean, basis } = patches;
    const hash = createHash('sha256').update(shape.join()).update(pixels);
    for (const { buffer, byteOffset, byteLength } of [mean, basis])
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    digest = hash.digest('hex');
    digests.set(patches, digest);
  }
  return digest;
}
