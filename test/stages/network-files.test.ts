import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { zoo } from '../../src/models/architectures/zoo.ts';
import { cnn } from '../../src/models/architectures/cnn.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { networkStage } from '../../src/stages/model/network.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import type { Network, NetworkModel } from '../../src/values/model.ts';
import { allOperations, gatedOperations, smallTransformer, randomModel } from '../models/networks.ts';
import { expectSameAfterRoundTrip, writeModel } from './network-round-trip.ts';
import { failureOf, runStage } from './run-stage.ts';

const fixtures = fileURLToPath(new URL('../reference/network-files', import.meta.url));

let root: string;
beforeAll(() => openBackend('wasm'));
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravelin-network-'));
  await mkdir(join(root, 'net'));
});
afterEach(() => rm(root, { recursive: true }));

const build = async (params: Record<string, unknown> = {}, from = root): Promise<NetworkModel> =>
  (await runStage('model/network', { path: 'net/net.json', ...params }, { root: from })).outputs[
    'model'
  ] as NetworkModel;

const ownNetworks: Readonly<Record<string, () => Network>> = {
  cnn: () => cnn({ inputShape: [9, 8, 2], classes: 4, filters: [4, 6], kernel: 3, batchNorm: true, dense: [7], dropout: 0.1 }), // prettier-ignore
  'all operations': allOperations,
  'gated operations': gatedOperations,
  transformer: smallTransformer,
  'cifar-resnet20': () => zoo['cifar-resnet20'].build({ size: 32, classes: 10 }),
};

describe('a network that is written and read back', () => {
  it.each(Object.entries(ownNetworks))(
    '%s is the same to the bit, and so are its logits and gradients',
    async (_, network) => {
      await expectSameAfterRoundTrip(network());
    },
  );
});

describe('a network file that a program with NumPy alone wrote', () => {
  const expected = async () =>
    JSON.parse(await readFile(join(fixtures, 'expected.json'), 'utf8')) as {
      readonly pixels: readonly number[];
      readonly logits: readonly (readonly number[])[];
    };

  it('has the logits that NumPy computes', async () => {
    const model = await build({ path: 'ours.json' }, fixtures);
    const { pixels, logits } = await expected();
    const classifier = await openClassifier(model);
    const images = tf.tensor4d(Float32Array.from(pixels), [2, 9, 8, 3]);
    const computed = await classifier.logits(images);
    const values = await computed.array();
    tf.dispose([images, computed]);
    classifier.dispose();
    values.flat().forEach((value, at) => expect(value).toBeCloseTo(logits.flat()[at]!, 5));
  });

  it('is the same network with its weights in the layout of PyTorch', async () => {
    const [ours, torch] = [await build({ path: 'ours.json' }, fixtures), await build({ path: 'torch.json' }, fixtures)]; // prettier-ignore
    expect(torch).toEqual(ours);
  });
});

describe('model/network', () => {
  const small = (): NetworkModel => randomModel(ownNetworks['cnn']!());

  /** What is said of a file in which the text of `change` is replaced. */
  async function refusal(...change: readonly [from: string, to: string][]): Promise<string> {
    await writeModel(small(), join(root, 'net'));
    let text = await readFile(join(root, 'net/net.json'), 'utf8');
    for (const [from, to] of change) {
      expect(text).toContain(from);
      text = text.replace(from, to);
    }
    await writeFile(join(root, 'net/net.json'), text);
    const { message, fix } = await failureOf(build());
    expect(fix).toMatch(/\w/);
    return message.replaceAll(`${root}/net/`, '').replace(/^net\.json: /, '');
  }

  it('names the weights beside the file, whose content is part of the key', async () => {
    await writeModel(small(), join(root, 'net'));
    const path = join(root, 'net/net.json');
    const survey = await networkStage.survey!({ params: { path }, resolve: (own: string) => own } as never);
    expect((survey as { files: () => string[] }).files()).toEqual([path, join(root, 'net/net.safetensors')]);
  });

  it('puts outputs into the sorted order of their names', async () => {
    const model = small();
    await writeModel(model, join(root, 'net'));
    await writeFile(join(root, 'classes.json'), JSON.stringify(['d', 'a', 'c', 'b']));
    const { weights } = await build({ classes: 'classes.json' });
    const bias = model.weights['fc2.bias']!.data;
    expect([...weights['fc2.bias']!.data]).toEqual([1, 3, 2, 0].map((at) => bias[at]!));
  });

  it.each<[string, [string, string], string]>([
    ['another format', ['ravelin-network', 'onnx'], 'the file is not a network file: it has no "format": "ravelin-network" at its top'],
    ['a later version', ['"version": 1', '"version": 2'], "'version' is 2, and this ravelin reads version 1"],
    ['an absent field', ['"classes": 4,', ''], "'classes' is missing"],
    ['one class', ['"classes": 4', '"classes": 1'], "'classes' is 1, but must be a whole number from 2 to 1000000"],
    ['an unknown field', ['"classes"', '"labels": [], "classes"'], "'labels' is not a field of a network file"],
    ['an unknown operation', ['"op":"max-pool"', '"op":"maxpool"'], "'nodes[3].op' is \"maxpool\", which is not an operation; did you mean 'max-pool'?"],
    ['a field of another operation', ['"op":"relu",', '"op":"relu","slope":0.1,'], "'nodes[2].slope' is not a field of the operation 'relu'"],
    ['a field of another kind', ['"kernel":[3,3]', '"kernel":3'], "'nodes[0].kernel' is 3, but must be a list of 2 whole numbers, the height and the width"],
    ['a number out of range', ['"kernel":[3,3]', '"kernel":[3,0]'], "'nodes[0].kernel[1]' is 0, but must be a whole number from 1 to 65536"],
    ['a number that JSON makes infinite', ['"epsilon":0.00001', '"epsilon":1e999'], "'nodes[1].epsilon' is null, but must be a number from 0 to 1"],
    ['a missing mean', ['"mean":[0,0]', '"mean":[0]'], "'preprocessing.mean' has 1 numbers for 2 channels"],
    ['weights in another folder', ['"net.safetensors"', '"../net.safetensors"'], "'weights.file' is '../net.safetensors', which is not a file in the folder of the network file"],
    ['weights that are missing', ['"net.safetensors"', '"other.safetensors"'], 'other.safetensors does not exist'],
    ['a node that reads a later one', ['"inputs":["input"]', '"inputs":["fc2"]'], "node 'conv1' reads 'fc2', which is not an earlier node"],
    ['weights that do not fit', ['"filters":4', '"filters":5'], 'the weights do not fit cnn: 6 of another shape: conv1.weight is [3, 3, 2, 4] instead of [3, 3, 2, 5]'],
    ['the layout of PyTorch for our weights', ['"layout":"ravelin"', '"layout":"torch"'], "'weights.layout' is 'torch', but net.safetensors says that it has the layout of ravelin"],
    ['an activation beyond all memory', ['"padding":[1,1,1,1]', '"padding":[65536,65536,65536,65536]'], "'conv1' would give [131079, 131078, 4] for one image, more than the 268435456 values that are allowed"],
  ])('refuses %s', async (_, change, message) => {
    expect(await refusal(change)).toContain(message);
  }); // prettier-ignore

  it('says where a file is not JSON', async () => {
    expect(await refusal(['"version": 1,', '"version": 1'])).toMatch(
      /^net\.json:4:3 is not JSON: a ',' or '\}' is missing/,
    );
  });

  it('refuses weights that are a link out of the folder', async () => {
    await writeModel(small(), join(root, 'net'));
    await copyFile(join(root, 'net/net.safetensors'), join(root, 'elsewhere.safetensors'));
    await rm(join(root, 'net/net.safetensors'));
    await symlink('../elsewhere.safetensors', join(root, 'net/net.safetensors'));
    expect((await failureOf(build())).message).toContain(
      "the weights in 'net.safetensors' are a link that leads out of the folder of the network file",
    );
  });
});
