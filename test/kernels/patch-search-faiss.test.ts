import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { principalAxes } from '../../src/defenses/quilting/principal-axes.ts';
import { openPatchSearch } from '../../src/kernels/patch-search/wasm.ts';

interface Reference {
  readonly ids: readonly (readonly number[])[];
  readonly distances: readonly (readonly number[])[];
}

/** The patches of test/reference/patch_search.py. */
function patchesFrom(first: number, count: number): Float32Array {
  const hashed = (n: number): number => Math.imul(n, 2_654_435_761) >>> 24;
  return Float32Array.from({ length: count * 75 }, (_, at) => {
    const row = first + Math.floor(at / 75);
    return Math.floor((3 * hashed(row * 7) + hashed(row * 75 + (at % 75))) / 4);
  });
}

it('the patch search finds the neighbours of FAISS IndexFlatL2 at the same distances', () => {
  const reference = JSON.parse(readFileSync('test/reference/patch-search.json', 'utf8')) as Reference;
  const pixels = Uint8Array.from(patchesFrom(0, 3000));
  const search = openPatchSearch({
    kind: 'patches',
    pixels,
    shape: [3000, 5, 5, 3],
    ...principalAxes(pixels, 75),
  });
  const { ids, distances } = search.nearest(
    patchesFrom(100_000, 12).map((value) => value + 0.25),
    10,
  );
  expect([...ids]).toEqual(reference.ids.flat());
  expect([...distances]).toEqual(reference.distances.flat());
});
