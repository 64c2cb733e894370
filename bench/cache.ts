/**
 * The cache beside the bare file system, in turn, `--rounds` times each: writing objects durably (hash, write, fsync, rename, fsync of the
 * folder) beside write + fsync of the same bytes to as many files, and verified reading beside plain reading. Median MB a second.
 *
 *   npm run bench -- cache [--folder DIR] [--rounds 5]
 *
 * What was written is in the memory of the system when it is read again, so reading measures the hash, not the disk.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openStore } from '../src/runtime/store/store.ts';
import { randomStream } from '../src/tensors/random.ts';
import { printHeader } from './header.ts';

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: tmpdir() },
    rounds: { type: 'string', default: '5' },
  },
});
const rounds = Number(values.rounds);
printHeader();
const folder = mkdtempSync(join(values.folder, 'ravelin-cache-'));
try {
  for (const { count, bytes } of [
    { count: 16, bytes: 16 << 20 },
    { count: 500, bytes: 256 << 10 },
  ]) {
    await compare(count, bytes);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function compare(count: number, bytes: number): Promise<void> {
  const objects = Array.from({ length: count }, () => new Uint8Array(bytes));
  const rates = new Map<string, number[]>();
  const time = async (name: string, work: () => unknown): Promise<void> => {
    const start = performance.now();
    await work();
    const rate = (count * bytes) / 1000 / (performance.now() - start);
    rates.set(name, [...(rates.get(name) ?? []), rate]);
  };
  for (let round = 0; round <= rounds; round++) {
    // Other bytes each time: an object that is there already is not written again.
    objects.forEach((object, index) => fill(object, round, index));
    const place = join(folder, `${bytes}-${round}`);
    const store = openStore(join(place, 'store'));
    mkdirSync(join(place, 'raw'), { recursive: true });
    const digests: string[] = [];
    const raw = (): Promise<void> =>
      time('raw write', () =>
        objects.forEach((object, i) => writeRaw(join(place, 'raw', String(i)), object)),
      );
    const ours = (): Promise<void> =>
      time('cache write', async () => {
        for (const object of objects) digests.push(await store.writeNewObject(object));
      });
    // Who comes second finds the disk busier.
    for (const write of round % 2 ? [raw, ours] : [ours, raw]) await write();
    await time('raw read', () => objects.forEach((_, i) => readFileSync(join(place, 'raw', String(i)))));
    await time('verified read', () => digests.forEach((digest) => store.readObject(digest)));
    rmSync(place, { recursive: true });
    if (round === 0) rates.clear();
  }
  console.log(`\n${count} objects of ${bytes >> 10} KiB`);
  const rate = (name: string): number => [...rates.get(name)!].sort((a, b) => a - b)[rounds >> 1]!;
  for (const name of rates.keys())
    console.log(`  ${name.padEnd(14)} ${rate(name).toFixed(0).padStart(6)} MB/s`);
  console.log(`  cache write / raw write ${(rate('cache write') / rate('raw write')).toFixed(2)}`);
}

function writeRaw(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'w');
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
  fsyncSync(file);
  closeSync(file);
}

/** Bytes that no disk compresses away. */
function fill(object: Uint8Array, round: number, index: number): void {
  const words = new Uint32Array(object.buffer);
  let word = randomStream([round, index]).integer(2 ** 32) | 1;
  for (let i = 0; i < words.length; i++) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[i] = word;
  }
}
