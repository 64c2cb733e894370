/** Total variation and patch search on the device beside the kernels in WebAssembly, one thread, in the same process. */
import { dropPixels } from '../../src/defenses/tvm/dropout.ts';
import { samplePatches } from '../../src/defenses/quilting/patch-database.ts';
import { tileQueries, tilesOf } from '../../src/defenses/quilting/quilt.ts';
import { openMatrixSearch } from '../../src/kernels/patch-search/matrix-search.ts';
import { openTensorflowSearch } from '../../src/kernels/patch-search/tensorflow.ts';
import { openPatchSearch } from '../../src/kernels/patch-search/wasm.ts';
import { openWebGpuSearch } from '../../src/kernels/patch-search/webgpu.ts';
import type { Neighbors } from '../../src/kernels/patch-search/reference.ts';
import type { Progress } from '../../src/kernels/tvm/problem.ts';
import { minimiseOnTensorflow } from '../../src/kernels/tvm/tensorflow.ts';
import { minimise } from '../../src/kernels/tvm/wasm.ts';
import { minimiseOnWebGpu } from '../../src/kernels/tvm/webgpu.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { measureTransfers, type Transfers } from '../../src/timing/transfers.ts';
import type { Patches } from '../../src/values/patches.ts';
import { readPhotographs } from '../photographs.ts';
import { orFailure, timesOf } from './row.ts';
import type { Given, Report } from './row.ts';

const variation = { lambda: 0.03, tv: 'isotropic' } as const;
const stopping = { tolerance: 1e-3, limit: 1000 };

export async function measureKernels(given: Given, report: Report): Promise<void> {
  await openBackend(given.backend);
  await orFailure('total variation', report, () => measureVariation(given, report));
  await orFailure('patch search', report, () => measureSearch(given, report));
}

async function measureVariation({ backend, small }: Given, report: Report): Promise<void> {
  const [count, side] = small ? [2, 24] : [64, 224];
  const size = side * side * 3;
  const photos = await imagesOf(count, side);
  const dropped = photos.map((photo, id) =>
    dropPixels(photo, 3, { keep: 0.5, mask: 'pixel-channel' }, { seed: [1, 2], draw: 0 }, id),
  );
  for (const [name, images] of [
    ['all kept', photos],
    ['half dropped', dropped],
  ] as const) {
    // prettier-ignore
    let told: readonly Progress[] = [];
    const few = images.slice(0, 8);
    const onWasm = await timesOf(async () => {
      told = few.map((image) => minimise(image.slice(), [side, side, 3], variation, stopping));
      await Promise.resolve();
    });
    const objectives = told.map(({ objective }) => objective);
    const note = (progress: readonly Progress[]): string =>
      `${(progress.reduce((sum, { iterations }) => sum + iterations, 0) / progress.length).toFixed(1)} iterations, largest gap ${Math.max(...progress.map(({ gap }) => gap)).toExponential(1)}`;
    report({
      what: `TVM, ${name}, wasm`,
      value: onWasm.wall / few.length,
      unit: 'ms/image',
      note: note(told),
    });
    const solve = backend === 'webgpu' ? minimiseOnWebGpu : minimiseOnTensorflow;
    for (const batch of (small ? [2] : [1, 16, 64]).filter((rows) => rows <= count)) {
      const source = Float32Array.from({ length: batch * size }, (_, at) => images[Math.floor(at / size)]![at % size]!); // prettier-ignore
      const solved = source.slice();
      let progress: readonly Progress[] = [];
      const { first, wall, cpu } = await timesOf(async () => {
        solved.set(source);
        progress = await solve(solved, [batch, side, side, 3], variation, stopping);
      });
      const transfers = measureTransfers();
      const again = source.slice();
      await solve(again, [batch, side, side, 3], variation, stopping);
      const crossed = bytesNote(transfers());
      const changed = again.filter((value, at) => value !== solved[at]).length;
      const above = Math.max(
        ...objectives.slice(0, batch).map((objective, row) => progress[row]!.objective / objective - 1),
      );
      report({
        what: `TVM, ${name}, ${backend}, batch ${batch}`,
        value: wall / batch,
        unit: 'ms/image',
        note: `CPU ${(cpu / batch).toFixed(2)}; first ${first.toFixed(0)} ms; ${note(progress)}; objective above that of wasm by ${above.toExponential(1)} at most; ${changed} values change the next time${crossed}`,
      });
    }
  }
}

async function measureSearch({ backend, small }: Given, report: Report): Promise<void> {
  const side = small ? 32 : 224;
  const [held, count] = small ? [4, 2000] : [100, 1_000_000];
  const photos = await imagesOf(held + 1, side);
  const size = side * side * 3;
  const clean = new Uint8Array(held * size);
  photos.slice(0, held).forEach((photo, row) => clean.set(photo.map((value) => value * 255), row * size)); // prettier-ignore
  const patches = samplePatches({ pixels: clean, shape: [held, side, side, 3] }, { count, size: 5 }, [1, 2]);
  const stream = randomStream([4, 4]);
  const attacked = photos[held]!.map((value) =>
    Math.min(1, Math.max(0, value + (stream.bernoulli(0.5) ? 8 : -8) / 255)),
  );
  const tiles = tilesOf(side, side, patches, {
    ...{ draws: 1, neighbors: 1, overlap: 2, seam: 'graph-cut', compat: 'paper', search: 'tree' },
  });
  const queries = tileQueries(attacked, side, tiles, patches.shape);
  const tree = openPatchSearch(patches);
  const opening = performance.now();
  const opened = measureTransfers();
  const search = await openSearch(backend, patches);
  // The time is that of the device too, once something is read from it.
  await search.nearest(queries.subarray(0, 75), 1);
  report({
    what: 'open the search on the device',
    value: performance.now() - opening,
    unit: 'ms',
    note: `with one query${bytesNote(opened())}`,
  });
  for (const neighbors of [1, 10]) {
    const expected = tree.nearest(queries, neighbors);
    const onTree = await timesOf(async () => {
      tree.nearest(queries, neighbors);
      await Promise.resolve();
    });
    report({ what: `search, K = ${neighbors}, tree on wasm`, value: onTree.wall, unit: 'ms/image' });
    let found = expected;
    const { first, wall, cpu } = await timesOf(async () => {
      found = await search.nearest(queries, neighbors);
    });
    const transfers = measureTransfers();
    await search.nearest(queries, neighbors);
    const crossed = bytesNote(transfers());
    const differ = expected.distances.filter((distance, at) => distance !== found.distances[at]).length;
    const others = expected.ids.filter((id, at) => id !== found.ids[at]).length;
    report({
      what: `search, K = ${neighbors}, ${backend}`,
      value: wall,
      unit: 'ms/image',
      note: `${tiles.length} queries, ${count} patches; CPU ${cpu.toFixed(1)} ms; first ${first.toFixed(0)} ms; ${differ} distances and ${others} patches differ${crossed}`,
    });
  }
  search.dispose();
}

/** Only TensorFlow's binding is counted. */
function bytesNote({ fed, fetched }: Transfers): string {
  return fed === 0 ? '' : `; ${fed} bytes to the device, ${fetched} back`;
}

interface DeviceSearch {
  readonly nearest: (queries: Float32Array, neighbors: number) => Promise<Neighbors>;
  readonly dispose: () => void;
}

function openSearch(backend: string, patches: Patches): Promise<DeviceSearch> {
  if (backend === 'webgpu') return openWebGpuSearch(patches);
  return Promise.resolve(
    backend === 'tensorflow' ? openTensorflowSearch(patches) : openMatrixSearch(patches),
  );
}

/** Made-up photographs in [0, 1]. */
async function imagesOf(count: number, side: number): Promise<Float32Array[]> {
  const bytes = await readPhotographs(undefined, Math.min(count, 24));
  const noise = randomStream([9, 9]);
  return Array.from({ length: count }, (_, index) => {
    const photo = bytes.subarray((index % 24) * 224 * 224 * 3);
    return Float32Array.from({ length: side * side * 3 }, (_value, at) => {
      const [y, x] = [Math.floor(at / 3 / side), Math.floor(at / 3) % side];
      const level = photo[(y * 224 + x) * 3 + (at % 3)]! + 24 * (noise.uniform() - 0.5);
      return Math.min(255, Math.max(0, Math.round(level))) / 255;
    });
  });
}
