/** Files of torch.export against what PyTorch computes (test/reference/torch_export_files.py), and what is refused. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openClassifier } from '../../../src/models/inference.ts';
import { ImportError } from '../../../src/models/imported/errors.ts';
import { convertTorchExport } from '../../../src/models/torch-export/convert.ts';
import { readProgram } from '../../../src/models/torch-export/program.ts';
import { buildTorchExportModel } from '../../../src/stages/model/shared/build-torch-export.ts';
import { openBackend } from '../../../src/tensors/backend.ts';
import { tf } from '../../../src/tensors/tf.ts';
import type { NetworkModel } from '../../../src/values/model.ts';
import { archive, changed, entriesOf, expectations, fixture, fixtures, programEntry } from './files.ts';
import type { Entries } from './files.ts';

beforeAll(async () => {
  await openBackend('wasm');
});

const expected = expectations();
const cases = Object.entries(expected).flatMap(([name, { files }]) =>
  files.map((file) => [file, name] as const),
);
const build = (file: string): Promise<NetworkModel> =>
  buildTorchExportModel(join(fixtures, file), { channels: 'rgb', mean: [0], std: [1] });

describe('a program of torch.export', () => {
  it.each(cases)('%s gives the numbers of PyTorch', async (file, name) => {
    const { shape, pixels, logits, probabilities, cotangent, gradient } = expected[name]!;
    const built = await build(file);
    const classifier = await openClassifier(built);
    const images = tf.tensor4d([...pixels], [...shape]);
    const own = await classifier.logits(images);
    if (probabilities !== undefined) expectClose(await tf.softmax(own).data(), probabilities, 1e-5);
    else expectClose(await own.data(), logits!, 1e-5);
    const seed = tf.tensor2d([...cotangent], [shape[0], built.network.classes]);
    const pulled = await classifier.vectorJacobianProduct(images, seed);
    expectClose(await pulled.gradient.data(), gradient, 1e-4);
    classifier.dispose();
  });

  it('keeps batch norms and dropout, for training, and makes its normalisation preprocessing', async () => {
    for (const file of expected['trained']!.files) {
      const { network, preprocessing } = await build(file);
      const count = (op: string): number => network.nodes.filter((node) => node.op === op).length;
      expect([count('batch-norm'), count('dropout'), network.nodes[0]!.op]).toEqual([2, 1, 'conv']);
      expectClose(preprocessing.mean, [0.4, 0.5, 0.6], 1e-6);
      expectClose(preprocessing.std, [0.2, 0.3, 0.25], 1e-6);
    }
  });

  it('names weights as `state_dict` does', async () => {
    const { weights } = await build(expected['trained']!.files[0]!);
    const norm = ['weight', 'bias', 'running_mean', 'running_var'];
    const parts = { first: ['weight'], norm, deep: ['weight', 'bias'], last: norm, second: ['weight', 'bias'], hidden: ['weight', 'bias'], classes: ['weight', 'bias'] }; // prettier-ignore
    const names = Object.entries(parts).flatMap(([layer, own]) => own.map((part) => `${layer}.${part}`));
    expect(Object.keys(weights).sort()).toEqual(names.sort());
  });

  it('has the operations of a ViT whole', async () => {
    const { network } = await build('vit.pt2');
    const count = (op: string): number => network.nodes.filter((node) => node.op === op).length;
    expect([count('layer-norm'), count('softmax'), count('matmul'), count('gelu')]).toEqual([3, 2, 4, 1]);
    expect([count('tokens'), count('offset')]).toEqual([1, 1]);
  });
});

interface Program {
  schema_version: { major: number };
  torch_version: string;
  graph_module: { graph: { nodes: Node[] }; signature: { input_specs: unknown[] } };
}
interface Node {
  name: string;
  target: string;
  inputs: { name: string; arg: Record<string, unknown> }[];
  outputs: Record<string, unknown>[];
}

const vit = fixture('vit.pt2');
const trained = fixture('trained.pt2');
const convert = (bytes: Uint8Array): NetworkModel =>
  convertTorchExport(readProgram(bytes), { architecture: 'test', bytes: bytes.length });
const program = (bytes: Uint8Array, change: (own: Program) => void): Uint8Array =>
  changed(bytes, programEntry, change);
const nodeOf = ({ graph_module: { graph } }: Program, target: string): Node =>
  graph.nodes.find((node) => node.target.startsWith(`torch.ops.aten.${target}`))!;
const without = (bytes: Uint8Array, name: string): Uint8Array => {
  const entries: Entries = entriesOf(bytes);
  return archive(Object.fromEntries(Object.entries(entries).filter(([own]) => own !== name)));
};
const weightsConfig = 'data/weights/model_weights_config.json';
interface Config {
  config: Record<string, { path_name: string; use_pickle: boolean; tensor_meta: { dtype: number; sizes: object[]; strides: object[]; storage_offset: object } }>; // prettier-ignore
}
const weights = (change: (own: Config['config'][string]) => void): Uint8Array =>
  changed(vit, weightsConfig, (own: Config) => change(own.config['head.weight']!));

describe('what cannot be converted', () => {
  it.each<readonly [string, Uint8Array, RegExp]>([
    ['another major version of the schema', program(vit, (own) => (own.schema_version.major = 9)), /^the program has version 9 of its schema \(torch 2\.13\.0\+cpu\), but version 8 is read$/], // prettier-ignore
    ['an unknown operation', program(vit, (own) => (nodeOf(own, 'gelu').target = 'torch.ops.aten.erfinv.default')), /^node 'gelu' in the module 'block' has the operation aten\.erfinv\.default, which is not supported; supported: _softmax, /], // prettier-ignore
    ['an operation of another library', program(vit, (own) => (nodeOf(own, 'gelu').target = 'torch.ops.mine.relu.default')), /has the operation mine\.relu\.default/], // prettier-ignore
    ['a network in training', program(trained, (own) => (nodeOf(own, 'batch_norm').inputs[5]!.arg = { as_bool: true })), /^node 'batch_norm' \(aten\.batch_norm\.default\).* has the statistics of each batch/], // prettier-ignore
    ['a reshape that mixes images', program(vit, (own) => (nodeOf(own, 'reshape').inputs[1]!.arg = { as_ints: [-1, 8, 3, 2, 4] })), /^node 'reshape'.* has the shape \[-1, 8, 3, 2, 4\] for \[batch, 7, 24\], which would mix images/], // prettier-ignore
    ['a node that reads what comes later', program(vit, (own) => own.graph_module.graph.nodes.reverse()), /reads '.*', which no node before it gives/], // prettier-ignore
    ['a node twice', program(vit, (own) => own.graph_module.graph.nodes.unshift(nodeOf(own, 'conv2d'))), /two nodes give 'conv2d'/], // prettier-ignore
    ['an input that is not images', program(vit, (own) => own.graph_module.signature.input_specs.push(own.graph_module.signature.input_specs.at(-1))), /the program takes 2 inputs/], // prettier-ignore
    ['a causal mask', program(vit, (own) => nodeOf(own, 'scaled_dot').inputs.push({ name: 'is_causal', arg: { as_bool: true } })), /has a causal mask/], // prettier-ignore
    ['a lacking tensor', without(vit, 'data/weights/weight_3'), /it lacks the weights 'weight_3'/],
    ['a lacking list of weights', without(vit, weightsConfig), /the archive lacks its list of weights, as those of older versions do/], // prettier-ignore
    ['no program', without(vit, programEntry), /the archive has 0 programs, but must have one/],
    ['pickled weights', weights((own) => (own.use_pickle = true)), /the tensor 'head\.weight' is pickled/],
    ['weights of another type', weights((own) => (own.tensor_meta.dtype = 10)), /elements of the type 10/],
    ['weights beyond their bytes', weights((own) => (own.tensor_meta.storage_offset = { as_int: 1 })), /the tensor 'head\.weight' of shape \[5, 8\] exceeds its 160 bytes/], // prettier-ignore
    ['weights larger than their bytes', weights((own) => (own.tensor_meta.dtype = 8)), /exceeds its 160 bytes/], // prettier-ignore
    ['a negative stride', weights((own) => (own.tensor_meta.strides[0] = { as_int: -1 })), /strides of 'head\.weight' is not a number from 0 on/], // prettier-ignore
    ['a checkpoint', archive({ 'data.pkl': new Uint8Array(4) }), /is a checkpoint of torch\.save/],
    ['a file that is something else', new Uint8Array(100), /the file is not a zip archive, as torch\.export\.save writes it/], // prettier-ignore
    ['the beginning of one', Uint8Array.of(0x50, 0x4b, 3, 4), /the file is not a whole program of torch\.export: the zip archive is damaged/], // prettier-ignore
    ['an empty file', new Uint8Array(0), /the file is not a zip archive/],
  ])('%s is refused by name', (_what, bytes, message) => {
    expect(() => convert(bytes)).toThrow(message);
    expect(() => convert(bytes)).toThrow(ImportError);
  });

  it('an operation in place is refused if a view of its input is read afterwards', () => {
    // The ReLU in place changes the batch norm's output, which a view of it then shows.
    const bytes = program(trained, ({ graph_module: { graph } }) => {
      const norm = graph.nodes.findIndex(({ target }) => target.includes('batch_norm'));
      const view: Node = {
        name: 'seen',
        target: 'torch.ops.aten.alias.default',
        inputs: [{ name: 'self', arg: { as_tensor: { name: 'batch_norm' } } }],
        outputs: [{ as_tensor: { name: 'seen' } }],
      };
      graph.nodes.splice(norm + 1, 0, view);
      nodeOf({ graph_module: { graph } } as Program, 'add.').inputs[0]!.arg = { as_tensor: { name: 'seen' } };
    });
    expect(() => convert(bytes)).toThrow(
      /^node 'relu_' \(aten\.relu_\.default\) has an input in place that 'seen' shares and that is read afterwards/,
    );
  });

  it('an input that a ReLU in place has changed is read as it was changed', () => {
    const changedInput = program(trained, (own) => {
      nodeOf(own, 'add.').inputs[0]!.arg = { as_tensor: { name: 'batch_norm' } };
    });
    expect(convert(changedInput).network).toEqual(convert(trained).network);
  });
});

/** The largest difference, relative to the largest expected value. */
function expectClose(actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(wanted.length);
  const scale = Math.max(...Array.from(wanted, (value) => Math.abs(value)));
  const worst = Math.max(...Array.from(wanted, (value, at) => Math.abs(value - actual[at]!)));
  expect(scale).toBeGreaterThan(0);
  expect(worst / scale).toBeLessThan(tolerance);
}
