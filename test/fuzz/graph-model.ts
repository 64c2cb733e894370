/**
 * A TensorFlow.js GraphModel in its folder: the JSON of model.json changed part by part, and the bytes of its weights. An input is
 * the length of the JSON in four bytes, the JSON, and the weights.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { networkShapes } from '../../src/models/network.ts';
import { readManifest } from '../../src/models/tfjs/manifest.ts';
import { WeightsError } from '../../src/models/weights/errors.ts';
import { StageError } from '../../src/runtime/stage.ts';
import { buildTfjsModel } from '../../src/stages/model/shared/build-tfjs.ts';
import { joined, mutateBytes, mutateJson, pick } from './mutate.ts';
import { Broken } from './target.ts';
import type { FuzzTarget } from './target.ts';

const text = (value: string): object => ({ s: Buffer.from(value).toString('base64') });
const texts = (...values: readonly string[]): object => ({ list: { s: values.map((value) => Buffer.from(value).toString('base64')) } }); // prettier-ignore
const integers = (...values: readonly number[]): object => ({ list: { i: values.map(String) } });
const node = (op: string, name: string, input: readonly string[], attr: object = {}): object => ({ name, op, input, attr }); // prettier-ignore
const constant = (name: string): object => node('Const', name, []);
const image = (...extents: readonly number[]): object =>
  node('Placeholder', 'x', [], { shape: { shape: { dim: [-1, ...extents].map((size) => ({ size: String(size) })) } } }); // prettier-ignore
const window = (padding: string, stride: number, more: object = {}): object => ({ padding: text(padding), strides: integers(1, stride, stride, 1), ...more }); // prettier-ignore

interface ModelFile {
  readonly nodes: readonly object[];
  /** Name → shape, and numbers where the graph reads them. */
  readonly weights: Readonly<Record<string, readonly number[] | { readonly integers: readonly number[] }>>;
}

const models: readonly ModelFile[] = [
  {
    nodes: [
      image(8, 8, 3),
      ...['w', 'b', 'scale', 'offset', 'mean', 'variance', 'shape', 'dense', 'bias'].map(constant),
      node('Conv2D', 'c', ['x', 'w'], window('SAME', 2, { dilations: integers(1, 1, 1, 1), data_format: text('NHWC') })),
      node('BiasAdd', 'ba', ['c', 'b']),
      node('FusedBatchNormV3', 'n', ['ba:0', 'scale', 'offset', 'mean', 'variance', '^c'], { epsilon: { f: 0.001 } }),
      node('LeakyRelu', 'r', ['n'], { alpha: { f: 0.1 } }),
      node('MaxPool', 'p', ['r'], window('SAME', 2, { ksize: integers(1, 2, 2, 1) })),
      node('Reshape', 'f', ['p', 'shape']),
      node('MatMul', 'd', ['f', 'dense'], { transpose_b: { b: true } }),
      node('AddV2', 'l', ['d', 'bias']),
      node('Identity', 'i', ['l']),
      node('Softmax', 's', ['i']),
    ],
    weights: { w: [3, 3, 3, 4], b: [4], scale: [4], offset: [4], mean: [4], variance: [4], shape: { integers: [-1, 16] }, dense: [3, 16], bias: [3] },
  },
  {
    nodes: [
      image(6, 6, 2),
      ...['sides', 'dw', 'pw', 'pb', 'axes', 'axis', 'dense'].map(constant),
      node('Pad', 'pad', ['x', 'sides']),
      node('FusedDepthwiseConv2dNative', 'd', ['pad', 'dw'], window('VALID', 1, { fused_ops: texts('Relu6') })),
      node('_FusedConv2D', 'c', ['d', 'pw', 'pb'], window('EXPLICIT', 1, { explicit_paddings: integers(0, 0, 0, 0, 0, 0, 0, 0), fused_ops: texts('BiasAdd', 'LeakyRelu'), leakyrelu_alpha: { f: 0.2 } })),
      node('AddV2', 'a', ['d', 'c']),
      node('AvgPool', 'p', ['a'], window('SAME', 1, { ksize: integers(1, 2, 2, 1) })),
      node('ConcatV2', 'k', ['p', 'c', 'axis']),
      node('Mean', 'm', ['k', 'axes']),
      node('_FusedMatMul', 'l', ['m', 'dense'], { fused_ops: { list: {} } }),
    ],
    weights: { sides: { integers: [0, 0, 1, 1, 1, 1, 0, 0] }, dw: [3, 3, 2, 1], pw: [1, 1, 2, 2], pb: [2], axes: { integers: [1, 2] }, axis: { integers: [3] }, dense: [4, 3] },
  },
]; // prettier-ignore

const seeds = models.map(({ nodes, weights }) => {
  const specs = Object.entries(weights).map(([name, what]) =>
    'integers' in what
      ? { name, shape: name === 'sides' ? [4, 2] : [what.integers.length], dtype: 'int32' }
      : { name, shape: what, dtype: 'float32' },
  );
  const parts = Object.values(weights).map((what) =>
    'integers' in what
      ? Int32Array.from(what.integers)
      : new Float32Array(what.reduce((product, extent) => product * extent, 1)).fill(0.5),
  );
  return {
    file: {
      modelTopology: { node: nodes, library: {}, versions: {} },
      weightsManifest: [{ paths: ['weights.bin'], weights: specs }],
    },
    weights: joined(...parts.map(({ buffer }) => new Uint8Array(buffer))),
  };
});

export function packModel(file: unknown, weights: Uint8Array): Uint8Array {
  const json = Buffer.from(JSON.stringify(file));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, json.length);
  return joined(length, json, weights);
}

export function graphModelTarget(): FuzzTarget {
  const root = mkdtempSync(join(tmpdir(), 'ravelin-fuzz-'));
  const folder = join(root, 'net');
  mkdirSync(folder);
  return {
    name: 'graph-model',
    documented: [StageError],
    make: (random) => {
      const { file, weights } = pick(seeds, random);
      const isWhole = random.integer(4) > 0;
      return packModel(
        isWhole || random.bernoulli(0.5) ? mutateJson(file, random) : file,
        isWhole ? weights : mutateBytes([weights], random),
      );
    },
    run: async (bytes) => {
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      const json = bytes.subarray(4, 4 + length);
      checkPaths(json);
      writeFileSync(join(folder, 'model.json'), json);
      writeFileSync(join(folder, 'weights.bin'), bytes.subarray(4 + length));
      const { network } = await buildTfjsModel(join(folder, 'model.json'), { mean: [0], std: [1] });
      for (const extent of [...networkShapes(network).values()].flat())
        if (!Number.isSafeInteger(extent) || extent < 1)
          throw new Broken(`an extent of ${String(extent)} was accepted`);
    },
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** What the manifest names lies in the folder of the model. */
function checkPaths(json: Uint8Array): void {
  const file = JSON.parse(Buffer.from(json).toString()) as { weightsManifest?: unknown } | null;
  try {
    for (const path of readManifest(file?.weightsManifest).flatMap(({ paths }) => paths))
      if (!posix.join('/models/net', path).startsWith('/models/net/'))
        throw new Broken(`${path} would be opened`);
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
  }
}
