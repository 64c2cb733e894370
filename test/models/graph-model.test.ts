import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openClassifier } from '../../src/models/inference.ts';
import { convertGraphModel } from '../../src/models/tfjs/convert-graph.ts';
import { isGraphTopology, readGraphNodes } from '../../src/models/tfjs/graph-nodes.ts';
import { decodeGroup, readManifest } from '../../src/models/tfjs/manifest.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';

beforeAll(async () => {
  await openBackend('wasm');
});

/** Writes a GraphModel as the converter does: nodes in JSON, attributes as protobuf prints them, weights behind one another. */
function graphWriter(height: number, width: number, channels: number) {
  const nodes: object[] = [];
  const specs: tf.io.WeightsManifestEntry[] = [];
  const bytes: Buffer[] = [];
  const stream = randomStream([3, 3]);
  const text = (value: string) => ({ s: Buffer.from(value).toString('base64') });
  const node = (op: string, name: string, input: readonly string[], attr: object = {}): string => {
    nodes.push({ name, op, input, attr: { T: { type: 'DT_FLOAT' }, ...attr } });
    return name;
  };
  const constant = (name: string, shape: readonly number[], values?: readonly number[]): string => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const dtype = values === undefined ? 'float32' : 'int32';
    const data = values ?? Array.from({ length: size }, () => 0.1 + 0.8 * stream.uniform());
    specs.push({ name, shape: [...shape], dtype });
    const array = dtype === 'int32' ? Int32Array.from(data) : Float32Array.from(data);
    bytes.push(Buffer.from(array.buffer));
    const type = dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT';
    nodes.push({
      name,
      op: 'Const',
      input: [],
      attr: { dtype: { type }, value: { tensor: { dtype: type, tensorShape: {} } } },
    });
    return name;
  };
  const extents = [-1, height, width, channels].map((size) => ({ size: String(size) }));
  nodes.push({
    name: 'x',
    op: 'Placeholder',
    input: [],
    attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: extents } } },
  });
  const window = (padding: string, strides: number, more: object = {}) => ({
    padding: text(padding),
    strides: { list: { i: ['1', String(strides), String(strides), '1'] } },
    data_format: text('NHWC'),
    dilations: { list: { i: ['1', '1', '1', '1'] } },
    ...more,
  });
  const fused = (...names: string[]) => ({
    fused_ops: { list: { s: names.map((name) => Buffer.from(name).toString('base64')) } },
    num_args: { i: '1' },
    epsilon: { f: 0 },
  });
  const kernel = (side: number) => ({ ksize: { list: { i: ['1', String(side), String(side), '1'] } } });
  const files = () => ({
    modelTopology: { node: nodes, library: {}, versions: {} },
    weightSpecs: specs,
    weightData: Uint8Array.from(Buffer.concat(bytes)).buffer,
    format: 'graph-model',
  });
  return { node, constant, window, fused, kernel, files };
}

type Writer = ReturnType<typeof graphWriter>;

const graphs: Readonly<Record<string, readonly [Writer, string]>> = {
  'plain operations': (() => {
    const g = graphWriter(9, 8, 2);
    const conv = g.node('Conv2D', 'conv', ['x', g.constant('conv/w', [3, 3, 2, 4])], g.window('SAME', 2));
    const bias = g.node('BiasAdd', 'bias', [conv, g.constant('conv/b', [4])]);
    const norms = ['scale', 'offset', 'mean', 'variance'].map((part) => g.constant(`norm/${part}`, [4]));
    const norm = g.node('FusedBatchNormV3', 'norm', [bias, ...norms], {
      epsilon: { f: 0.001 },
      is_training: { b: false },
      data_format: { s: Buffer.from('NHWC').toString('base64') },
    });
    const relu = g.node('Relu', 'relu', [norm]);
    const pool = g.node('MaxPool', 'pool', [relu], g.window('SAME', 2, g.kernel(2)));
    const flat = g.node('Reshape', 'flat', [pool, g.constant('flat/shape', [2], [-1, 24])]);
    const product = g.node('MatMul', 'dense', [flat, g.constant('dense/w', [24, 3])], {
      transpose_a: { b: false },
      transpose_b: { b: false },
    });
    const logits = g.node('AddV2', 'logits', [product, g.constant('dense/b', [3])]);
    return [g, g.node('Softmax', 'softmax', [logits])] as const;
  })(),
  'fused operations, padding, branches and a mean': (() => {
    const g = graphWriter(7, 7, 3);
    const pad = g.node('Pad', 'pad', ['x', g.constant('pad/sides', [4, 2], [0, 0, 1, 0, 0, 1, 0, 0])], {
      Tpaddings: { type: 'DT_INT32' },
    });
    const deep = g.node(
      'FusedDepthwiseConv2dNative',
      'deep',
      [pad, g.constant('deep/w', [2, 2, 3, 1]), g.constant('deep/b', [3])],
      g.window('VALID', 1, g.fused('BiasAdd', 'Relu6')),
    );
    const left = g.node(
      '_FusedConv2D',
      'left',
      [deep, g.constant('left/w', [1, 1, 3, 4]), g.constant('left/b', [4])],
      g.window('SAME', 1, g.fused('BiasAdd', 'Relu')),
    );
    const right = g.node(
      '_FusedConv2D',
      'right',
      [deep, g.constant('right/w', [3, 3, 3, 4]), g.constant('right/b', [4])],
      g.window('SAME', 1, g.fused('BiasAdd')),
    );
    const sum = g.node('AddV2', 'sum', [left, right]);
    const all = g.node('ConcatV2', 'all', [sum, left, g.constant('all/axis', [], [3])], { N: { i: '2' } });
    const pooled = g.node('AvgPool', 'pooled', [all], g.window('VALID', 2, g.kernel(2)));
    const mean = g.node('Mean', 'mean', [pooled, g.constant('mean/axes', [2], [1, 2])], {
      keep_dims: { b: false },
    });
    const same = g.node('Identity', 'same', [mean]);
    return [
      g,
      g.node('_FusedMatMul', 'logits', [same, g.constant('logits/w', [8, 5]), g.constant('logits/b', [5])], {
        transpose_a: { b: false },
        transpose_b: { b: false },
        ...g.fused('BiasAdd'),
      }),
    ] as const;
  })(),
};

function convert({ modelTopology, weightSpecs, weightData }: ReturnType<Writer['files']>) {
  const [group] = readManifest([{ paths: ['weights.bin'], weights: weightSpecs }]);
  const tensors = decodeGroup(group!, new Uint8Array(weightData));
  return convertGraphModel(readGraphNodes(modelTopology), tensors, { architecture: 'test' });
}

describe('a GraphModel', () => {
  it.each(Object.keys(graphs))('of %s gives the numbers that TensorFlow.js gives', async (name) => {
    const [writer] = graphs[name]!;
    const files = writer.files();
    expect(isGraphTopology(files.modelTopology)).toBe(true);
    const theirs = await tf.loadGraphModel(tf.io.fromMemory(files));
    const { network, weights } = convert(files);
    const channels = network.inputShape[2];
    const pixels = tf.randomUniform<tf.Rank.R4>([3, ...network.inputShape], 0, 1, 'float32', 5);
    const expected = theirs.predict(pixels) as tf.Tensor2D;
    const each = (value: number): number[] => Array.from({ length: channels }, () => value);
    const classifier = await openClassifier({
      kind: 'model',
      network,
      weights,
      preprocessing: { mean: each(0), std: each(1) },
    });
    const logits = await classifier.logits(pixels);
    const actual = name.startsWith('plain') ? tf.softmax(logits) : logits;
    const scale = tf.max(tf.abs(expected)).dataSync()[0]!;
    expect(scale).toBeGreaterThan(0.1);
    expect(tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0]! / scale).toBeLessThan(1e-5);
    classifier.dispose();
  });

  it('with an unknown operation, a circle, or no end is refused by name', () => {
    const strange = graphWriter(4, 4, 1);
    const up = strange.node('ResizeBilinear', 'up', ['x']);
    strange.node('Conv2D', 'logits', [up, strange.constant('w', [4, 4, 1, 2])], strange.window('VALID', 1));
    expect(() => convert(strange.files())).toThrow(
      /node 'up' has the operation ResizeBilinear, which is not supported; supported: Conv2D/,
    );
    const round = graphWriter(4, 4, 1);
    round.node('Relu', 'a', ['b']);
    round.node('Relu', 'b', ['a']);
    round.node('Conv2D', 'logits', ['a', round.constant('w', [4, 4, 1, 2])], round.window('VALID', 1));
    expect(() => convert(round.files())).toThrow(/reads itself, directly or through other nodes/);
    expect(() => readGraphNodes({ node: [{ name: 3 }] })).toThrow(/node without name/);
    expect(() => readGraphNodes('nonsense')).toThrow(/no graph/);
  });
});
