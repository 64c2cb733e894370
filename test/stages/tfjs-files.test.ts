import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NetworkModel } from '../../src/values/model.ts';
import { failureOf, runStage, surveyStage } from './run-stage.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravelin-tfjs-'));
  await writeFile(join(root, 'model.json'), `\ufeff${JSON.stringify(dense)}`);
  await writeFile(join(root, 'weights.bin'), new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8).buffer));
});
afterEach(() => rm(root, { recursive: true }));

/** Images of 2×2×1 flattened and multiplied by [4, 2]. */
const dense = {
  modelTopology: {
    class_name: 'Sequential',
    config: {
      layers: [
        { class_name: 'Flatten', config: { name: 'f', batch_input_shape: [null, 2, 2, 1] } },
        { class_name: 'Dense', config: { name: 'd', units: 2, use_bias: false } },
      ],
    },
  },
  weightsManifest: [
    { paths: ['weights.bin'], weights: [{ name: 'd/kernel', shape: [4, 2], dtype: 'float32' }] },
  ],
};

const build = async (params: Record<string, unknown> = {}): Promise<NetworkModel> =>
  (await runStage('model/tfjs', { path: 'model.json', ...params }, { root })).outputs[
    'model'
  ] as NetworkModel;

async function refusal(params: Record<string, unknown> = {}): Promise<readonly [string, string]> {
  const { message, file } = await failureOf(build(params));
  return [message.replaceAll(`${root}/`, ''), file!.replace(`${root}/`, '')];
}

describe('model/tfjs', () => {
  it('says what its network costs before a run', async () => {
    const survey = await surveyStage('model/tfjs', { path: 'model.json' }, root);
    const outline = await survey!.outline!();
    expect(outline!.out['model']).toMatchObject({ multiplyAdds: 8, parameters: 8, classes: 2 });
  });

  it('reads files with a byte order mark', async () => {
    await writeFile(join(root, 'classes.json'), '\ufeff["dog", "cat"]');
    const { weights } = await build({ classes: 'classes.json' });
    expect([...weights['d.weight']!.data]).toEqual([2, 1, 4, 3, 6, 5, 8, 7]);
  });

  it.each([
    ['["dog", "cat"', "classes.json:1:14 is not JSON: the file ends, but a ']' is missing"],
    ['["dog"]', 'classes.json is not a list of 2 different class names'],
  ])('blames the list of classes for %j, and not model.json', async (text, message) => {
    await writeFile(join(root, 'classes.json'), text);
    expect(await refusal({ classes: 'classes.json' })).toEqual([message, 'classes.json']);
  });

  it('names the place of an error in model.json', async () => {
    await writeFile(join(root, 'model.json'), '{\n  "modelTopology": {},\n}');
    expect(await refusal()).toEqual(["model.json:3:1 is not JSON: a comma stands before '}'", 'model.json']);
  });
});
