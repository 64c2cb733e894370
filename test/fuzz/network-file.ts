/** Network files with weights beside them: the JSON changed part by part, or as bytes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { elementCount } from '../../src/values/element-count.ts';
import { networkShapes } from '../../src/models/network.ts';
import { networkFileText } from '../../src/models/network-file/write.ts';
import { encodeWeights } from '../../src/models/weights/write.ts';
import { StageError } from '../../src/runtime/stage.ts';
import { buildNetworkModel } from '../../src/stages/model/shared/build-network.ts';
import type { Network, NetworkModel } from '../../src/values/model.ts';
import { allOperations, gatedOperations, randomModel } from '../models/networks.ts';
import { mutateBytes, mutateJson, pick } from './mutate.ts';
import { Broken } from './target.ts';
import type { FuzzTarget } from './target.ts';

const generated = 'test/reference/network-files';

const words = [
  '"input"', '"op"', '"conv"', '"dense"', '"reshape"', '"__proto__"', '"torch"', '"../all.safetensors"', '"/etc/passwd"', '1e999', '-1', '4294967296', '9007199254740993', 'null', '[]', '{}',
]; // prettier-ignore

export function networkFileTarget(): FuzzTarget {
  const root = mkdtempSync(join(tmpdir(), 'ravelin-fuzz-'));
  const folder = join(root, 'net');
  mkdirSync(folder);
  const texts = ['ours', 'torch'].map((name) => {
    writeFileSync(join(folder, `${name}.safetensors`), readFileSync(join(generated, `${name}.safetensors`)));
    return readFileSync(join(generated, `${name}.json`), 'utf8');
  });
  const write = (name: string, network: Network): string => {
    const channels = network.inputShape[2];
    const model: NetworkModel = randomModel(network, {
      mean: Array.from({ length: channels }, () => 0.5),
      std: Array.from({ length: channels }, () => 0.25),
    });
    // Another folder has the same weights: a path that leaves the folder would find them.
    for (const place of [folder, root])
      writeFileSync(join(place, `${name}.safetensors`), encodeWeights(name, model.weights));
    return networkFileText(model, `${name}.safetensors`);
  };
  texts.push(write('all', allOperations()), write('gated', gatedOperations()));
  const values = texts.map((text) => JSON.parse(text) as object);
  const bytes = texts.map((text) => Buffer.from(text));
  return {
    name: 'network-file',
    documented: [StageError],
    make: (random) =>
      random.integer(4) === 0
        ? mutateBytes(bytes, random, { dictionary: words })
        : Buffer.from(JSON.stringify(mutateJson(pick(values, random), random))),
    run: async (input) => {
      const path = join(folder, 'net.json');
      writeFileSync(path, input);
      const { network } = await buildNetworkModel(path, undefined);
      checkAccepted(input, network);
    },
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}

function checkAccepted(input: Uint8Array, network: Network): void {
  const { weights } = JSON.parse(
    Buffer.from(input)
      .toString()
      .replace(/^\ufeff/, ''),
  ) as {
    readonly weights: { readonly file: string };
  };
  if (!posix.join('/models/net', weights.file).startsWith('/models/net/'))
    throw new Broken(`${weights.file} would be opened`);
  if (network.classes < 2) throw new Broken(`${network.classes} classes were accepted`);
  for (const shape of networkShapes(network).values())
    if (
      !shape.every((extent) => Number.isSafeInteger(extent) && extent >= 1) ||
      elementCount(shape) > 2 ** 28
    )
      throw new Broken(`a shape of [${shape.join(', ')}] was accepted`);
}
