import { createHash } from 'node:crypto';
import { openPatchSearch } from '../../kernels/patch-search/wasm.ts';
import { type SearchForm, searchFormFor } from '../../kernels/patch-search/forms.ts';
import type { Neighbors } from '../../kernels/patch-search/reference.ts';
import { currentBackend, probeBackend } from '../../tensors/backend.ts';
import type { Patches } from '../../values/patches.ts';
import { RecentCache } from '../../values/recent-cache.ts';

/** The form of the search for the backend that is open in this process. */
export function searchFormHere(neighbors: number): SearchForm {
  const backend = currentBackend();
  return searchFormFor(backend === null ? null : probeBackend(backend), neighbors);
}

export interface OpenedSearch {
  readonly nearest: (queries: Float32Array, neighbors: number) => Neighbors | Promise<Neighbors>;
  readonly dispose?: () => void;
}

/**
 * Databases that this worker has opened. A tree of 1,000,000 patches takes 170 MB, and opening it takes over
 * a second.
 */
const opened = new RecentCache<OpenedSearch>({ limit: 2, dispose: (search) => search.dispose?.() });
const digests = new WeakMap<Patches, string>();

/** The search of a database, opened once for all databases of equal content. */
export async function openedSearch(patches: Patches, form: SearchForm): Promise<OpenedSearch> {
  const key = `${form} ${digestOf(patches)}`;
  const known = opened.get(key);
  if (known !== undefined) return known;
  const search = await openSearch(patches, form);
  opened.set(key, search);
  return search;
}

async function openSearch(patches: Patches, form: SearchForm): Promise<OpenedSearch> {
  if (form === 'tree') return openPatchSearch(patches);
  if (form === 'webgpu') {
    const { openWebGpuSearch } = await import('../../kernels/patch-search/webgpu.ts');
    return openWebGpuSearch(patches);
  }
  if (currentBackend() === 'tensorflow') {
    const { openTensorflowSearch } = await import('../../kernels/patch-search/tensorflow.ts');
    return openTensorflowSearch(patches);
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
