/**
 * CPU and wall seconds of quilting a 224×224×3 image with 1,000,000 patches on one thread: the search (K = 1 and 10), its matrix and WGSL
 * forms on a few queries, and the whole, beside
 * FAISS on two threads in the same run: IndexFlatL2 (exact) and the IVFPQ of the authors' code (PCA 64, 200 lists, 16×8 bits, nprobe 5).
 * Queries are the tiles of held-out photographs with ±8/255 at each value. FAISS' distances are compared with ours.
 *
 *   PYTHON=python3 npm run bench -- quilting [--images FOLDER] [--count 10] [--patches 1000000] [--few 64]
 *
 * The patches are of 290 photographs of FOLDER, the queries of --count others; made-up images where none is named. PYTHON needs faiss-cpu;
 * without it only our own side is measured. With --few 64 the matrix form and the functions of TensorFlow compute so many queries on --backend tensorflow, and WGSL on
 * whatever adapter there is (SwiftShader: RAVELIN_WEBGPU_SOFTWARE=1); their results have to be those of the tree.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { samplePatches } from '../src/defenses/quilting/patch-database.ts';
import {
  type QuiltingParameters,
  quiltImages,
  tileQueries,
  tilesOf,
} from '../src/defenses/quilting/quilt.ts';
import { openPatchSearch } from '../src/kernels/patch-search/wasm.ts';
import { type MatrixSearch, openMatrixSearch } from '../src/kernels/patch-search/matrix-search.ts';
import { openTensorflowSearch } from '../src/kernels/patch-search/tensorflow.ts';
import { openWebGpuSearch, type WebGpuSearch } from '../src/kernels/patch-search/webgpu.ts';
import { BackendError, openBackend, probeBackend } from '../src/tensors/backend.ts';
import { randomStream } from '../src/tensors/random.ts';
import { printHeader } from './header.ts';
import { readPhotographs, side, size } from './photographs.ts';

const { values } = parseArgs({
  options: {
    images: { type: 'string' },
    count: { type: 'string', default: '10' },
    patches: { type: 'string', default: '1000000' },
    few: { type: 'string', default: '0' },
    backend: { type: 'string', default: 'tensorflow' },
  },
});
const count = Number(values.count);
printHeader();
const params: QuiltingParameters = {
  draws: 1,
  neighbors: 1,
  overlap: 2,
  seam: 'graph-cut',
  compat: 'paper',
  search: 'tree',
};

const held = 290;
const all = await readPhotographs(values.images, held + count);
const clean = { pixels: all.subarray(0, held * size), shape: [held, side, side, 3] as const };
const patches = await timed('patch database', 1, () =>
  samplePatches(clean, { count: Number(values.patches), size: 5 }, [1, 2]),
);
const search = await timed('open search tree', 1, () => openPatchSearch(patches.value));
console.log(
  `${patches.value.shape[0]} patches of ${held} images; ${Math.round(search.value.bytes() / 1e6)} MB; ${count} held-out images`,
);
const attacked = perturbed(all.subarray(held * size));
const tiles = tilesOf(side, side, patches.value, params);
const images = Array.from({ length: count }, (_, row) => attacked.subarray(row * size, (row + 1) * size));
const queries = images.map((image) => tileQueries(image, side, tiles, patches.value.shape));

// The engine compiles the kernel again, better, once it is warm.
search.value.nearest(queries[0]!, 1);
const searched = await timed('search, K = 1', count, () =>
  queries.map((each) => search.value.nearest(each, 1)),
);
await timed('search, K = 10', count, () => queries.map((each) => search.value.nearest(each, 10)));
// Opens the tree that quilting keeps.
await quiltImages(attacked.subarray(0, 75), [1, 5, 5, 3], params, patches.value, {
  seed: [1, 2],
  draw: 0,
  ids: Int32Array.of(0),
});
for (const neighbors of [1, 10]) {
  const draw = { seed: [1, 2] as const, draw: 0, ids: Int32Array.from({ length: count }, (_, id) => id) };
  await timed(`whole quilting, K = ${neighbors}`, count, () =>
    quiltImages(attacked, [count, side, side, 3], { ...params, neighbors }, patches.value, draw),
  );
}
if (values.few !== '0') await compareForms(Number(values.few));
const python = process.env['PYTHON'];
if (python !== undefined) comparePeers(python);

/** Runs and prints seconds an item. */
async function timed<T>(name: string, items: number, work: () => T | Promise<T>): Promise<{ value: T }> {
  const [wall, cpu] = [process.hrtime.bigint(), process.cpuUsage()];
  const value = await work();
  const { user, system } = process.cpuUsage(cpu);
  print(name, (user + system) / 1e6 / items, Number(process.hrtime.bigint() - wall) / 1e9 / items);
  return { value };
}

function print(name: string, cpu: number, wall: number, note = ''): void {
  console.log(
    `${name.padEnd(24)} ${cpu.toFixed(3).padStart(8)} s CPU ${wall.toFixed(3).padStart(8)} s wall ${note}`,
  );
}

/** The other forms on a few queries of the first image, per query; throws where they find anything else than the tree. */
async function compareForms(few: number): Promise<void> {
  const some = queries[0]!.slice(0, few * 75);
  const forms: Readonly<Record<string, () => Promise<MatrixSearch | WebGpuSearch>>> = {
    [`matrix on ${values.backend}`]: async () => {
      await openBackend(values.backend);
      return openMatrixSearch(patches.value);
    },
    ...(values.backend === 'tensorflow' && {
      'functions of tensorflow': () => Promise.resolve(openTensorflowSearch(patches.value)),
    }),
    [`WGSL on ${probeBackend('webgpu').device?.name ?? 'nothing'}`]: () => openWebGpuSearch(patches.value),
  };
  for (const [name, open] of Object.entries(forms)) {
    try {
      const opened = await open();
      for (const neighbors of [1, 10]) {
        const expected = search.value.nearest(some, neighbors);
        // Compiles.
        await opened.nearest(some.subarray(0, 75), neighbors);
        const found = await timed(`a query, K = ${neighbors}, ${name}`, few, () =>
          opened.nearest(some, neighbors),
        );
        deepStrictEqual(found.value, expected);
      }
      opened.dispose();
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      console.log(`${name}: ${error.message}`);
    }
  }
}

function comparePeers(python: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-quilting-'));
  try {
    writeFileSync(join(folder, 'patches'), patches.value.pixels);
    writeFileSync(join(folder, 'queries'), Buffer.concat(queries.map(({ buffer }) => Buffer.from(buffer))));
    const output = execFileSync(python, ['bench/quilting.py', folder, String(count)], {
      encoding: 'utf8',
      // Threads that spin while they wait make a busy machine many times slower.
      env: { ...process.env, OMP_WAIT_POLICY: 'passive' },
    });
    const peers = JSON.parse(output) as Record<string, { cpu: number; wall: number }>;
    const ours = Float64Array.from(searched.value.flatMap(({ distances }) => [...distances]));
    for (const [name, { cpu, wall }] of Object.entries(peers)) {
      const bytes = readFileSync(join(folder, name));
      const theirs = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
      // Of two patches as near, either is right.
      const same = ours.filter(
        (distance, at) => Math.abs(Math.sqrt(theirs[at]!) - Math.sqrt(distance)) < 1e-2,
      );
      const nearer = ours.reduce(
        (most, distance, at) => Math.max(most, Math.sqrt(distance) - Math.sqrt(theirs[at]!)),
        0,
      );
      print(
        name,
        cpu / count,
        wall / count,
        `recall@1 ${(same.length / ours.length).toFixed(4)}, nearer than ours by ${nearer.toExponential(1)} grey levels at most`,
      );
    }
    compareTen(join(folder, 'ten'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ten neighbours of some 500 queries, as FAISS flat has them. */
function compareTen(path: string): void {
  const bytes = readFileSync(path);
  const theirs = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const all = tiles.length * count;
  const every = Math.max(1, Math.floor(all / 500));
  const few = Float32Array.from({ length: Math.ceil(all / every) * 75 }, (_, at) => {
    const query = Math.floor(at / 75) * every;
    return queries[Math.floor(query / tiles.length)]![(query % tiles.length) * 75 + (at % 75)]!;
  });
  const { distances } = search.value.nearest(few, 10);
  const apart = distances.reduce((most, distance, at) => Math.max(most, Math.abs(distance - theirs[at]!)), 0);
  console.log(
    `ten neighbours of ${distances.length / 10} queries: squared distances differ from FAISS flat by ${apart.toExponential(1)} at most`,
  );
}

function perturbed(pixels: Uint8Array): Float32Array {
  const stream = randomStream([4, 4]);
  return Float32Array.from(pixels, (byte) => {
    const value = byte / 255 + (stream.bernoulli(0.5) ? 8 : -8) / 255;
    return Math.min(1, Math.max(0, value));
  });
}
