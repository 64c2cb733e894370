/**
 * Peak memory of the worker by stage, for different numbers of synthetic images: what a stage holds should not grow with
 * them. Each stage is a run of its own with one fresh worker, after what it reads was computed.
 *
 *   npm run build && npm run bench -- memory [--images 5000,20000] [--side 64] [--only training,scores] [--curve] [--folder DIR]
 *
 * The last column is the largest number of images against the smallest. Prints `peakBytes` of the events, the largest resident
 * size that the system has seen. `--curve` also prints the peak after each tenth of the shards of a stage.
 */
import { mkdtempSync, openSync, closeSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { printHeader } from './header.ts';

const { values: options } = parseArgs({
  options: {
    images: { type: 'string', default: '5000,20000' },
    side: { type: 'string', default: '64' },
    only: { type: 'string' },
    curve: { type: 'boolean', default: false },
    folder: { type: 'string', default: tmpdir() },
  },
});
const side = Number(options.side);
const counts = options.images.split(',').map(Number);
const cli = resolve('dist/cli.js');

/** In an order in which each reads earlier ones only. */
const stages = [
  'images',
  'network',
  'defended',
  'adversarial',
  'predictions',
  'scores',
  'patches',
  'training',
  'validated',
];
const chosen = options.only?.split(',') ?? stages;

const pipeline = `
ravelin: 1
stages:
  images: { uses: dataset/safetensors, with: { path: images.safetensors } }
  network: { uses: model/cnn, with: { height: ${side}, width: ${side}, channels: 3, filters: [4, 8], dense: [16] } }
  defended: { uses: defense/jpeg, store: always, in: { images: images }, with: { quality: 75 } }
  adversarial: { uses: attack/noise, in: { model: network, images: images }, with: { dissimilarity: 0.06 } }
  predictions: { uses: predict/classify, in: { model: network, images: adversarial } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions, originals: images } }
  patches: { uses: defense/patch-database, in: { images: images }, with: { patches: 20_000 } }
  training: { uses: train/sgd, in: { model: network, images: images }, with: { epochs: 1 } }
  validated: { uses: train/sgd, in: { model: network, images: images, validation: images }, seed: 1, with: { epochs: 1 } }
`;

printHeader();
const peaks = new Map<string, number[]>();
for (const count of counts) {
  const folder = mkdtempSync(join(options.folder, 'ravelin-memory-'));
  try {
    writeImages(join(folder, 'images.safetensors'), count);
    writeFileSync(join(folder, 'memory.yaml'), pipeline);
    const last = Math.max(...chosen.map((stage) => stages.indexOf(stage)));
    for (const stage of stages.slice(0, last + 1)) {
      const peak = await peakOf(folder, stage);
      if (chosen.includes(stage)) peaks.set(stage, [...(peaks.get(stage) ?? []), peak]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
console.log(['stage', ...counts.map((count) => `${count} images`), 'ratio'].map(padded).join(''));
for (const [stage, found] of peaks) {
  const sizes = found.map((bytes) => `${Math.round(bytes / 1e6)} MB`);
  console.log([stage, ...sizes, (found.at(-1)! / found[0]!).toFixed(2)].map(padded).join(''));
}

function padded(text: string): string {
  return text.padEnd(16);
}

/** Runs one stage, whose inputs are in the cache, and returns the peak of its worker. */
async function peakOf(folder: string, stage: string): Promise<number> {
  const run = ['run', 'memory.yaml', stage, '--jobs', '1', '--ui', 'json', '--backend', 'wasm'];
  const { stdout } = await execa(process.execPath, [cli, ...run], { cwd: folder });
  const events = stdout.split('\n').map((line) => JSON.parse(line) as { type: string; peakBytes?: number });
  const committed = events.filter(({ type }) => type === 'shard-committed');
  if (committed.length === 0) throw new Error(`${stage} computed nothing`);
  if (options.curve && chosen.includes(stage)) {
    const tenths = Array.from(
      { length: 10 },
      (_, index) => Math.ceil(((index + 1) * committed.length) / 10) - 1,
    );
    console.log(stage, tenths.map((index) => Math.round(committed[index]!.peakBytes! / 1e6)).join(' '));
  }
  return Math.max(...committed.map(({ peakBytes }) => peakBytes!));
}

/** Coloured noise around a brightness that says the class, written piece by piece. */
function writeImages(path: string, count: number): void {
  const size = side * side * 3;
  const labels = Int32Array.from({ length: count }, (_, row) => row % 10);
  const header = JSON.stringify({
    images: { dtype: 'U8', shape: [count, side, side, 3], data_offsets: [0, count * size] },
    labels: { dtype: 'I32', shape: [count], data_offsets: [count * size, count * (size + 4)] },
  });
  const text = Buffer.from(header.padEnd(Math.ceil(header.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(path, 'w');
  try {
    writeSync(file, length);
    writeSync(file, text);
    let state = 1;
    const image = Buffer.alloc(size);
    for (const label of labels) {
      for (let at = 0; at < size; at++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        image[at] = label * 15 + (state >>> 25);
      }
      writeSync(file, image);
    }
    writeSync(file, Buffer.from(labels.buffer));
  } finally {
    closeSync(file);
  }
}
