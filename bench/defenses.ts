/**
 * CPU milliseconds per image of the cheap defenses on 224×224×3 photographs, beside their Python peers (Pillow, scipy, scikit-image, ART,
 * torch on one thread) on the same images in the same run; best of several rounds on either side: at least so many, and for two seconds, so that
 * compilers have done their work.
 *
 *   PYTHON=python3 npm run bench -- defenses [--images FOLDER] [--count 4] [--rounds 3]
 *
 * FOLDER holds photographs, in folders or not; the images are made up without it. Without PYTHON only our own side is measured.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { transformOnce } from '../test/defenses/opened.ts';
import type { Transform } from '../src/values/transform.ts';
import { printHeader } from './header.ts';
import { readPhotographs, side } from './photographs.ts';

const { values } = parseArgs({
  options: {
    images: { type: 'string' },
    count: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
  },
});
const [count, rounds] = [Number(values.count), Number(values.rounds)];
printHeader();
const pixels = Float32Array.from(await readPhotographs(values.images, count), (byte) => byte / 255);
const ids = Int32Array.from({ length: count }, (_, id) => id);

const steps: Readonly<Record<string, Transform['steps'][number]['params']>> = {
  jpeg: { quality: 75, chroma: '4:2:0' },
  'bit-depth': { bits: 3, compat: 'paper' },
  crop: { crops: 1, size: 90 },
  median: { size: 3 },
  'non-local-means': { patch: 3, distance: 5, h: 4 / 255 },
};
const ours: Record<string, number> = {};
for (const [name, params] of Object.entries(steps)) {
  ours[name] = Infinity;
  let spent = 0;
  for (let round = 0; round < rounds || spent < 2000; round++) {
    const start = process.cpuUsage();
    const draw = { seed: [1, 2] as const, draw: round, ids };
    await transformOnce(
      { kind: 'transform', steps: [{ name, params }] },
      pixels,
      [count, side, side, 3],
      draw,
    );
    const { user, system } = process.cpuUsage(start);
    spent += (user + system) / 1000;
    ours[name] = Math.min(ours[name], (user + system) / 1000 / count);
  }
}
const python = process.env['PYTHON'];
const peers = python === undefined ? {} : measurePeers(python);
for (const [name, milliseconds] of Object.entries(ours)) {
  const others = Object.entries(peers).flatMap(([peer, time]) => {
    if (!peer.startsWith(`${name} `)) return [];
    return [`${peer.slice(name.length + 1)} ${time.toFixed(2)} (${(time / milliseconds).toFixed(1)}×)`];
  });
  console.log(`${name.padEnd(16)} ${milliseconds.toFixed(2).padStart(7)} ms   ${others.join('   ')}`);
}

function measurePeers(python: string): Readonly<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-defenses-'));
  try {
    const file = join(folder, 'images.f32');
    writeFileSync(file, Buffer.from(pixels.buffer));
    const parameters = ['bench/defenses.py', file, ...[count, side, rounds].map(String)];
    const text = execFileSync(python, parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return JSON.parse(text.trim().split('\n').at(-1)!) as Record<string, number>;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
