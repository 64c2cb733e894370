/** Programs of torch.export: whole archives damaged, and archives with right checksums whose JSON is changed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { networkShapes } from '../../src/models/network.ts';
import { StageError } from '../../src/runtime/stage.ts';
import { buildTorchExportModel } from '../../src/stages/model/shared/build-torch-export.ts';
import { archive, entriesOf, fixtureBytes } from '../models/torch-export/files.ts';
import { mutateBytes, mutateJson } from './mutate.ts';
import { Broken } from './target.ts';
import type { FuzzTarget } from './target.ts';

const dictionary = [
  '"as_int":-1', '"as_int":9007199254740993', '"as_ints":[]', '"as_none":true', '"as_name":"x"', '"as_bool":true', '"sizes":[]', '"strides":[]', '"__proto__":{}',
  'aten.view.default', 'aten.expand.default', 'aten.cat.default', 'aten.slice.Tensor', 'aten.permute.default', 'aten.matmul.default', 'aten.add_.Tensor', '"weight_0"',
]; // prettier-ignore

export function torchExportTarget(): FuzzTarget {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-fuzz-'));
  const path = join(folder, 'model.pt2');
  const seeds = fixtureBytes();
  const archives = seeds.map((bytes) => entriesOf(bytes));
  const jsons = archives.map((entries) => Object.keys(entries).filter((name) => name.endsWith('.json')));
  return {
    name: 'torch-export',
    documented: [StageError],
    make: (random) => {
      const kind = random.integer(8);
      if (kind === 0) return mutateBytes(seeds, random, { dictionary });
      const which = random.integer(archives.length);
      const entries = archives[which]!;
      const names = jsons[which]!;
      const name = names[random.integer(names.length)]!;
      const text = new TextDecoder().decode(entries[name]);
      const changed =
        kind < 4
          ? mutateBytes([entries[name]!], random, { dictionary })
          : new TextEncoder().encode(JSON.stringify(mutateJson(JSON.parse(text), random)));
      return archive({ ...entries, [name]: changed });
    },
    run: async (bytes) => {
      writeFileSync(path, bytes);
      const { network, weights } = await buildTorchExportModel(path, {
        channels: 'rgb',
        mean: [0],
        std: [1],
      });
      for (const extent of [...networkShapes(network).values()].flat())
        if (!Number.isSafeInteger(extent) || extent < 1)
          throw new Broken(`an extent of ${String(extent)} was accepted`);
      const numbers = Object.values(weights).reduce((sum, { data }) => sum + data.length, 0);
      if (numbers > 2 * bytes.length + 2 ** 20)
        throw new Broken(`${numbers} numbers of weights out of ${bytes.length} bytes`);
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
