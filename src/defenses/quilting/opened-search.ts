import { createHash } from 'node:crypto';
import { openPatchSearch, type PatchSearch } from '../../kernels/patch-search/index.ts';
import type { Patches } from '../../values/patches.ts';

/** Search trees that a process keeps: one of 1,000,000 patches takes 170 MB, and opening it over a second. */
const kept = 2;

const byValue = new WeakMap<Patches, string>();
const byContent = new Map<string, PatchSearch>();

/** The search tree of a database, opened once for all values of equal content; the least recently used go. */
export function openedSearch(patches: Patches): PatchSearch {
  let digest = byValue.get(patches);
  if (digest === undefined) {
    digest = digestOf(patches);
    byValue.set(patches, digest);
  }
  const search = byContent.get(digest) ?? openPatchSearch(patches);
  byContent.delete(digest);
  byContent.set(digest, search);
  for (const oldest of byContent.keys()) {
    if (byContent.size <= kept) break;
    byContent.delete(oldest);
  }
  return search;
}

function digestOf({ pixels, shape, mean, basis }: Patches): string {
  const hash = createHash('sha256').update(shape.join()).update(pixels);
  for (const { buffer, byteOffset, byteLength } of [mean, basis])
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}
