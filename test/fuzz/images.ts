/** Image files as `dataset/image-folder` decodes them: PNG, JPEG and what else sharp might take a file of that name for. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { StageError } from '../../src/runtime/stage.ts';
import { decodeImages } from '../../src/stages/dataset/shared/decode.ts';
import { mutateBytes } from './mutate.ts';
import { Broken } from './target.ts';
import type { FuzzTarget } from './target.ts';

const dictionary = ['IHDR', 'IDAT', 'PLTE', 'tRNS', 'iCCP', 'eXIf', 'acTL', 'IEND', '\xff\xd8', '\xff\xd9', '\xff\xda', '\xff\xc0', '\xff\xc2', '\xff\xc4', '\xff\xdb', '\xff\xdd', '\xff\xe1', '<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>', '%PDF-1.4', 'GIF89a', 'II*\0'].map((word) => Buffer.from(word, 'latin1')); // prettier-ignore

export async function imagesTarget(): Promise<FuzzTarget> {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-fuzz-'));
  const file = join(folder, 'image.png');
  const corpus = await seeds();
  const { signal } = new AbortController();
  return {
    name: 'images',
    documented: [StageError],
    make: (random) => {
      const bytes = mutateBytes(corpus, random, { dictionary, mostBytes: 1 << 14 });
      return random.bernoulli(0.5) ? bytes : withChecksums(bytes);
    },
    run: async (bytes) => {
      writeFileSync(file, bytes);
      const channels = bytes.length % 2 === 0 ? 'rgb' : 'grey';
      const { pixels, shape } = await decodeImages([file], { channels, convert: true, resize: 8, crop: 8, signal, onProgress: () => undefined }); // prettier-ignore
      const depth = channels === 'rgb' ? 3 : 1;
      if (shape.join() !== [1, 8, 8, depth].join() || pixels.length !== 64 * depth)
        throw new Broken(`${pixels.length} pixels of [${shape.join(', ')}]`);
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function seeds(): Promise<readonly Uint8Array[]> {
  const raw = (width: number, height: number, channels: 1 | 3 | 4): Sharp =>
    sharp(Buffer.from(Array.from({ length: width * height * channels }, (_, at) => (at * 37) % 256)), { raw: { width, height, channels } }); // prettier-ignore
  return Promise.all([
    raw(12, 9, 3).png().toBuffer(),
    raw(9, 12, 1).png({ progressive: true }).toBuffer(),
    raw(8, 8, 4).png({ palette: true }).toBuffer(),
    raw(8, 8, 3).toColourspace('rgb16').png().toBuffer(),
    raw(16, 16, 3).jpeg().toBuffer(),
    raw(17, 9, 3).jpeg({ progressive: true }).withMetadata({ orientation: 6 }).toBuffer(),
    raw(8, 8, 1).jpeg().toBuffer(),
    raw(8, 8, 3).toColourspace('cmyk').jpeg().toBuffer(),
  ]);
}

/** Puts right the checksum of every chunk of a PNG, so that the decoder looks at what is in it. */
function withChecksums(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8 || view.getUint32(0) !== 0x89504e47) return bytes;
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) break;
    view.setUint32(end, crc32(bytes.subarray(at + 4, end)));
    at = end + 4;
  }
  return bytes;
}
