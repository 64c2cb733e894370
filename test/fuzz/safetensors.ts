/** Safetensors: as whole bytes (`values/`, which the cache and models use) and as rows of an open file (`dataset/safetensors`). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StageError } from '../../src/runtime/stage.ts';
import {
  imageShape,
  openSafetensors,
  readImageRows,
  readIntegerRows,
} from '../../src/stages/dataset/shared/safetensors-file.ts';
import type { RandomStream } from '../../src/tensors/random.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensorsHeader,
  SafetensorsError,
} from '../../src/values/safetensors.ts';
import { joined, mutateBytes, mutateJson, pick } from './mutate.ts';
import { Broken } from './target.ts';
import type { FuzzTarget } from './target.ts';

export const safetensorsSeeds: readonly Uint8Array[] = [
  encodeSafetensors(
    {
      images: {
        dtype: 'U8',
        shape: [3, 2, 2, 1],
        data: Uint8Array.from({ length: 12 }, (_, index) => index),
      },
      labels: { dtype: 'I32', shape: [3], data: Int32Array.of(0, 1, 2) },
    },
    { kind: 'images', note: 'made for the fuzzer' },
  ),
  encodeSafetensors({
    images: { dtype: 'F32', shape: [1, 2, 2, 3], data: new Float32Array(12).fill(0.5) },
    labels: { dtype: 'I32', shape: [1], data: Int32Array.of(4) },
    'fc.weight': { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
  }),
  encodeSafetensors({}),
];

const dictionary = [
  '"dtype":',
  '"shape":',
  '"data_offsets":',
  '"__metadata__":',
  '"__proto__":',
  '"F16"',
  '"BF16"',
  '"I64"',
  '"BOOL"',
  '[0,0]',
  '9007199254740991',
  '{',
  '}',
  '[',
  '],',
  '"images"',
  '"labels"',
];

/** Half by bytes, half by the header's JSON with its length put right, so that what follows the first check is reached. */
export function makeSafetensors(random: RandomStream): Uint8Array {
  if (random.bernoulli(0.5)) return mutateBytes(safetensorsSeeds, random, { dictionary });
  const seed = pick(safetensorsSeeds, random);
  const { dataStart } = readSafetensorsHeader(seed, seed.length);
  const header = JSON.parse(Buffer.from(seed.subarray(8, dataStart)).toString()) as unknown;
  const text = Buffer.from(JSON.stringify(mutateJson(header, random)) + ' '.repeat(random.integer(3)));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return joined(length, text, seed.subarray(dataStart));
}

export function safetensorsTarget(): FuzzTarget {
  return {
    name: 'safetensors',
    documented: [SafetensorsError],
    make: makeSafetensors,
    run: (bytes) => {
      const { tensors } = decodeSafetensors(bytes);
      const names = Object.keys(tensors);
      if (names.length !== readSafetensorsHeader(bytes, bytes.length).tensors.size)
        throw new Broken('a tensor was lost');
      let held = 0;
      for (const name of names) {
        const { shape, data } = tensors[name]!;
        held += data.byteLength;
        if (shape.reduce((product, extent) => product * extent, 1) !== data.length)
          throw new Broken(`'${name}' has ${data.length} elements for [${shape.join(', ')}]`);
      }
      if (held > bytes.length) throw new Broken(`${held} bytes of tensors came out of ${bytes.length}`);
    },
  };
}

export function safetensorsFileTarget(): FuzzTarget {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-fuzz-'));
  const path = join(folder, 'images.safetensors');
  return {
    name: 'safetensors-file',
    documented: [StageError],
    make: makeSafetensors,
    run: async (bytes) => {
      writeFileSync(path, bytes);
      const file = await openSafetensors(path);
      try {
        const [rows, height, width, channels] = imageShape(file, 'images');
        const pixels = await readImageRows(file, 'images', 0, rows);
        if (pixels.length !== rows * height * width * channels)
          throw new Broken('pixels of another number than their shape');
        const labels = await readIntegerRows(file, 'labels', rows, 0, rows);
        if (labels.length !== rows) throw new Broken('labels of another number than their shape');
      } finally {
        await file.close();
      }
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
