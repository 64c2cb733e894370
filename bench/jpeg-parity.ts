/**
 * Compares the JPEG kernel with sharp and Pillow, byte for byte, over made-up images: sizes of 1 to 67 with
 * some of up to 600, all qualities in turn, grey, 4:2:0 and 4:4:4.
 *
 *   PYTHON=python3 npm run bench -- jpeg-parity [--cases 10000]
 *
 * PYTHON needs Pillow and numpy; without it only sharp is compared. Ends with an error if any byte differs.
 */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { roundTrip } from '../src/kernels/jpeg/wasm.ts';
import { hashed, kinds, madeUpImages, roundTripBySharp } from '../test/kernels/jpeg-images.ts';
import { printHeader } from './header.ts';
import { openPillow } from './pillow.ts';

const { values } = parseArgs({ options: { cases: { type: 'string', default: '10000' } } });
printHeader();
const forms = [
  [1, '4:2:0'],
  [3, '4:2:0'],
  [3, '4:4:4'],
] as const;
const pillow = await openPillow();
const differing = { sharp: 0, Pillow: 0 };
let pixelsCompared = 0;
for (let index = 0; index < Number(values.cases); index++) {
  const draw = (n: number, of: number): number => hashed(10 * index + n) % of;
  const [channels, chroma] = forms[index % 3]!;
  const most = draw(0, 50) === 0 ? 600 : 67;
  const shape = [1, 1 + draw(1, most), 1 + draw(2, most), channels] as const;
  const parameters = { quality: 1 + (index % 100), chroma };
  const pixels = madeUpImages(kinds[draw(3, 4)]!, shape, index);
  const ours = roundTrip(pixels, shape, parameters);
  pixelsCompared += shape[1] * shape[2];
  if (Buffer.compare(ours, await roundTripBySharp(pixels, shape, parameters)) !== 0) {
    differing.sharp++;
    console.log('differs from sharp', shape, parameters, index);
  }
  if (pillow === null) continue;
  const request = { shape: shape.slice(1), pixels: Buffer.from(pixels).toString('base64'), ...parameters };
  const { digest } = await pillow.ask({ do: 'digest', ...request });
  if (digest !== createHash('sha256').update(ours).digest('hex')) {
    differing.Pillow++;
    console.log('differs from Pillow', shape, parameters, index);
  }
}
pillow?.close();
console.log(
  `${values.cases} cases, ${pixelsCompared} pixels: ${differing.sharp} differ from sharp ${sharp.versions.sharp}` +
    (pillow === null ? '' : `, ${differing.Pillow} from ${pillow.versions}`),
);
if (differing.sharp + differing.Pillow > 0) process.exitCode = 1;
