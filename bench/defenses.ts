/**
 * CPU milliseconds per image of the cheap defenses on 224×224×3 photographs and on batches of 32×32×3 squares of them, beside their Python
 * peers (Pillow, scipy, scikit-image, ART, torch on one thread) on the same images in the same run; the best of several rounds on either side:
 * at least so many, and for a second. Ours are measured before the peers and once more after them.
 *
 *   PYTHON=python3 npm run bench -- defenses [--images FOLDER] [--count 4] [--squares 64] [--rounds 3]
 *
 * FOLDER holds photographs, in folders or not; the images are made up without it. Without PYTHON only our own side is measured. "Alone" is
 * the defense, as peers are measured; "applied" is how a pipeline applies it, with the checks of what it returned and what it left as it was.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Draw, PixelShape } from '../src/defenses/defense.ts';
import { stages } from '../src/stages/index.ts';
import { defensesOf } from '../src/stages/shared/open-recipe.ts';
import type { Transform } from '../src/values/transform.ts';
import { opened } from '../test/defenses/opened.ts';
import { printHeader } from './header.ts';
import { readPhotographs, side, squaresOf } from './photographs.ts';

const { values } = parseArgs({
  options: {
    images: { type: 'string' },
    count: { type: 'string', default: '4' },
    squares: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
  },
});
const [count, squares, rounds] = [Number(values.count), Number(values.squares), Number(values.rounds)];
const bytes = await readPhotographs(values.images, count);
printHeader();
console.log('CPU ms an image');
await measure(bytes, count, side, 90);
await measure(squaresOf(bytes, squares), squares, 32, 13);

/** The best times of a defense: of itself, and as a pipeline applies it. */
interface Times {
  alone: number;
  applied: number;
}

async function measure(images: Uint8Array, count: number, side: number, cropSize: number): Promise<void> {
  const pixels = Float32Array.from(images, (byte) => byte / 255);
  const steps: Readonly<Record<string, Transform['steps'][number]['params']>> = {
    jpeg: { quality: 75, chroma: '4:2:0' },
    'bit-depth': { bits: 3, compat: 'paper' },
    crop: { crops: 1, size: cropSize },
    median: { size: 3 },
    'non-local-means': { patch: 3, distance: 5, h: 4 / 255 },
  };
  const ours = Object.fromEntries(
    Object.keys(steps).map((name) => [name, { alone: Infinity, applied: Infinity }]),
  );
  const measureOurs = async (): Promise<void> => {
    for (const [name, params] of Object.entries(steps))
      await takeTurns(ours[name]!, name, params, pixels, [count, side, side, 3]);
  };
  await measureOurs();
  const python = process.env['PYTHON'];
  const peers = python === undefined ? {} : measurePeers(python, pixels, [count, side, cropSize, rounds]);
  if (python !== undefined) await measureOurs();
  console.log(`${count} images of ${side}×${side}×3`);
  for (const [name, { alone, applied }] of Object.entries(ours)) {
    const others = Object.entries(peers).flatMap(([peer, time]) => {
      if (!peer.startsWith(`${name} `)) return [];
      return [`${peer.slice(name.length + 1)} ${time.toPrecision(3)} (${(time / alone).toFixed(2)}×)`];
    });
    console.log(
      `  ${name.padEnd(16)} alone ${alone.toPrecision(3)}, applied ${applied.toPrecision(3)}   ${others.join('   ')}`,
    );
  }
}

async function takeTurns(
  best: Times,
  name: string,
  params: Transform['steps'][number]['params'],
  pixels: Float32Array,
  shape: PixelShape,
): Promise<void> {
  const defense = await defensesOf(stages)(name)!.load();
  const recipe = await opened({ kind: 'transform', steps: [{ name, params }] });
  const ids = Int32Array.from({ length: shape[0] }, (_, id) => id);
  const ways: Readonly<Record<keyof Times, (draw: Draw) => unknown>> = {
    alone: (draw) => defense.apply(pixels, shape, params as never, draw),
    applied: (draw) => recipe.apply(pixels, shape, draw),
  };
  for (const [way, apply] of Object.entries(ways) as [keyof Times, (draw: Draw) => unknown][]) {
    let spent = 0;
    let repeats = 1;
    for (let round = 0; round < rounds || spent < 1000; round++) {
      const start = process.cpuUsage();
      for (let draw = 0; draw < repeats; draw++) await apply({ seed: [1, 2], draw, ids });
      const { user, system } = process.cpuUsage(start);
      const took = (user + system) / 1000;
      spent += took;
      // The system counts processor time in steps, which are too coarse for less.
      if (took < 10) repeats *= 2;
      else best[way] = Math.min(best[way], took / repeats / shape[0]);
    }
  }
}

function measurePeers(
  python: string,
  pixels: Float32Array,
  numbers: readonly number[],
): Readonly<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-defenses-'));
  try {
    const file = join(folder, 'images.f32');
    writeFileSync(file, Buffer.from(pixels.buffer));
    const parameters = ['bench/defenses.py', file, ...numbers.map(String)];
    const text = execFileSync(python, parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return JSON.parse(text.trim().split('\n').at(-1)!) as Record<string, number>;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
