/** ONNX files with their data beside them: fields, lengths, names, shapes and paths damaged. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { OnnxError } from '../../src/models/onnx/errors.ts';
import { readOnnxModel, tensorsOf } from '../../src/models/onnx/messages.ts';
import { externalLocations } from '../../src/models/onnx/tensor.ts';
import { networkShapes } from '../../src/models/network.ts';
import { StageError } from '../../src/runtime/stage.ts';
import { buildOnnxModel } from '../../src/stages/model/shared/build-onnx.ts';
import { fields, fixtureBytes, model, node, outside, tensor, varint } from '../models/onnx/files.ts';
import { mutateBytes } from './mutate.ts';
import { Broken } from './target.ts';
import type { FuzzTarget } from './target.ts';

const seeds: readonly Uint8Array[] = [
  ...fixtureBytes(),
  model(
    [node('Flatten', 'f', ['x']), node('Gemm', 'y', ['f', 'w'])],
    [outside('w', [4, 2], { location: 'data.bin', offset: '0', length: '32' })],
  ),
  model(
    [node('Pad', 'p', ['x', 'sides']), node('Conv', 'c', ['p', 'k'], { strides: [2, 2] }), node('Flatten', 'f', ['c']), node('Gemm', 'y', ['f', 'w'])], // prettier-ignore
    [tensor('sides', [8], [0, 0, 1, 1, 0, 0, 1, 1]), tensor('k', [1, 1, 2, 2], new Float32Array(4)), tensor('w', [4, 2], new Float32Array(8))], // prettier-ignore
  ),
];

const dictionary = [
  '../data.bin', '/etc/passwd', 'location', 'offset', 'length', 'data.bin', 'Reshape', 'Transpose', 'Concat', 'Constant', 'Softmax', 'ai.onnx', '__proto__',
  varint(-1), varint(2 ** 53), varint(2 ** 31), fields([1, 2 ** 40]), fields([1, 0]), fields([7, 64]),
]; // prettier-ignore

export function onnxTarget(): FuzzTarget {
  const root = mkdtempSync(join(tmpdir(), 'ravelin-fuzz-'));
  const folder = join(root, 'net');
  mkdirSync(folder);
  writeFileSync(join(folder, 'data.bin'), new Uint8Array(64));
  // What a path that leaves the folder would find.
  writeFileSync(join(root, 'data.bin'), new Uint8Array(64));
  return {
    name: 'onnx',
    documented: [StageError],
    make: (random) => mutateBytes(seeds, random, { dictionary }),
    run: async (bytes) => {
      checkPaths(bytes);
      const path = join(folder, 'model.onnx');
      writeFileSync(path, bytes);
      const { network } = await buildOnnxModel(path, {
        channels: 'rgb',
        mean: [0],
        std: [1],
        size: 8,
        width: 7,
      });
      for (const extent of [...networkShapes(network).values()].flat())
        if (!Number.isSafeInteger(extent) || extent < 1)
          throw new Broken(`an extent of ${String(extent)} was accepted`);
    },
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** What the file names lies in its folder. */
function checkPaths(bytes: Uint8Array): void {
  try {
    for (const location of externalLocations(tensorsOf(readOnnxModel(bytes).graph)))
      if (!posix.join('/models/net', location).startsWith('/models/net/'))
        throw new Broken(`${location} would be opened`);
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
  }
}
