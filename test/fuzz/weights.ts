/** What `torch.save` writes, by its whole bytes, and by the pickle inside a zip archive whose checksums are right. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { WeightsError } from '../../src/models/weights/errors.ts';
import { readWeightFile } from '../../src/models/weights/read.ts';
import { mutateBytes } from './mutate.ts';
import { makeSafetensors } from './safetensors.ts';
import { Broken } from './target.ts';
import type { FuzzTarget } from './target.ts';

const folder = 'test/reference/weight-files';
const files = (): Uint8Array[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.pth'))
    .map((name) => new Uint8Array(readFileSync(join(folder, name))));

const dictionary = [
  'cos\nsystem\n', 'c__builtin__\neval\n', 'ctorch._utils\n_rebuild_tensor_v2\n', 'ccollections\nOrderedDict\n', 'ctorch\nFloatStorage\n', 'storage', 'state_dict',
  '(', ')', ']', '}', 'R', 'Q', 't', 'l', 'd', 'u', 's', 'e', 'a', 'b', '.', '0', '1', '2', 'N', '\x85', '\x86', '\x87', '\x93', '\x94', '\x81',
].map((word) => Buffer.from(word, 'latin1')); // prettier-ignore

export function weightFilesTarget(): FuzzTarget {
  const corpus = files();
  return {
    name: 'weight-files',
    documented: [WeightsError],
    make: (random) =>
      random.integer(8) === 0 ? makeSafetensors(random) : mutateBytes(corpus, random, { dictionary }),
    run: readAll,
  };
}

export function pickleTarget(): FuzzTarget {
  const archives = files().filter((bytes) => bytes[0] === 0x50).map((bytes) => unzipSync(bytes)); // prettier-ignore
  const pickles = archives.map(
    (entries) => entries[Object.keys(entries).find((name) => name.endsWith('data.pkl'))!]!,
  );
  const stored = Object.assign({}, ...archives.map((entries) => Object.fromEntries(Object.entries(entries).filter(([name]) => name.includes('/data/')).map(([name, data]) => [`x/data/${name.split('/').at(-1)!}`, data])))) as Record<string, Uint8Array>; // prettier-ignore
  return {
    name: 'pickle',
    documented: [WeightsError],
    make: (random) => mutateBytes(pickles, random, { dictionary }),
    run: (pickle) => readAll(zipSync({ 'x/data.pkl': pickle, ...stored }, { level: 0 })),
  };
}

function readAll(bytes: Uint8Array): void {
  for (const [name, { shape, read }] of readWeightFile(bytes).tensors) {
    const count = shape.reduce((product, extent) => product * extent, 1);
    const data = read();
    if (data.length !== count)
      throw new Broken(`'${name}' has ${data.length} numbers for [${shape.join(', ')}]`);
  }
}
