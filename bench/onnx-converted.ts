/**
 * The models that PyTorch's exporter wrote for the tests of the onnx package: npm run bench -- onnx-converted FOLDER, with
 * `onnx/backend/test/data/pytorch-converted` of onnx 1.23.2. Each must give its output or be refused by a sentence. An output
 * that is an image is flattened first, because ours are logits.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openClassifier } from '../src/models/inference.ts';
import { convertOnnx } from '../src/models/onnx/convert.ts';
import { OnnxError } from '../src/models/onnx/errors.ts';
import { readOnnxModel } from '../src/models/onnx/messages.ts';
import type { OnnxModel, OnnxNode } from '../src/models/onnx/messages.ts';
import { floatsOfTensor, readTensor } from '../src/models/onnx/tensor.ts';
import type { OnnxTensor } from '../src/models/onnx/tensor.ts';
import { NetworkError } from '../src/models/network.ts';
import { openBackend } from '../src/tensors/backend.ts';
import { tf } from '../src/tensors/tf.ts';

const [folder = '.'] = process.argv.slice(2);
await openBackend('wasm');
const count = { equal: 0, flattened: 0, refused: 0, wrong: 0 };
for (const name of readdirSync(folder).sort()) {
  const read = (file: string): Uint8Array => readFileSync(join(folder, name, file));
  const model = readOnnxModel(read('model.onnx'));
  const input = readTensor(read('test_data_set_0/input_0.pb'));
  const output = readTensor(read('test_data_set_0/output_0.pb'));
  try {
    const isImage = output.shape.length === 4;
    const difference = await differenceOf(isImage ? flattened(model) : model, input, output);
    const kind = difference > 1e-5 ? 'wrong' : isImage ? 'flattened' : 'equal';
    count[kind]++;
    console.log(`${name}: ${kind}, relative difference ${difference.toExponential(1)}`);
  } catch (error) {
    if (!(error instanceof OnnxError) && !(error instanceof NetworkError)) throw error;
    count.refused++;
    console.log(`${name}: refused, ${error.message}`);
  }
}
console.log(
  `${count.equal + count.flattened} equal (${count.flattened} of them images, flattened), ${count.refused} refused, ${count.wrong} wrong`,
);

/** The same model with its output in the order of our features. */
function flattened(model: OnnxModel): OnnxModel {
  const [last = ''] = model.graph.outputs;
  const made = (op: string, from: string, to: string, perm: readonly number[]): OnnxNode => ({
    name: to,
    op,
    domain: '',
    inputs: [from],
    outputs: [to],
    attributes: new Map(
      perm.length === 0
        ? []
        : [
            [
              'perm',
              {
                float: undefined,
                integer: undefined,
                text: undefined,
                tensor: undefined,
                floats: [],
                integers: perm,
              },
            ],
          ],
    ),
  });
  const nodes = [
    ...model.graph.nodes,
    made('Transpose', last, 'turned', [0, 2, 3, 1]),
    made('Flatten', 'turned', 'flat', []),
  ];
  return { ...model, graph: { ...model.graph, nodes, outputs: ['flat'] } };
}

async function differenceOf(model: OnnxModel, input: OnnxTensor, output: OnnxTensor): Promise<number> {
  const converted = convertOnnx(model, {
    architecture: 'test',
    ...(input.shape.length === 2 && { size: [1, 1] as const }),
  });
  const classifier = await openClassifier(converted);
  const none = (): Uint8Array => new Uint8Array(0);
  const last = (tensor: OnnxTensor) => {
    const all = tf.tensor(floatsOfTensor(tensor, none), [...tensor.shape]);
    if (tensor.shape.length === 4) return tf.transpose(all, [0, 2, 3, 1]);
    // Features, as images of one pixel.
    return tensor === input ? tf.reshape(all, [tensor.shape[0]!, 1, 1, -1]) : all;
  };
  const raw = await classifier.logits(last(input) as never);
  // A softmax at the end is left out.
  const end = model.graph.nodes.at(-1)?.op;
  const logits = await (
    end === 'Softmax' ? tf.softmax(raw) : end === 'LogSoftmax' ? tf.logSoftmax(raw) : raw
  ).data();
  const expected = await last(output).data();
  if (logits.length !== expected.length) return Infinity;
  const scale = Math.max(...Array.from(expected, (value) => Math.abs(value)));
  const worst = Math.max(...Array.from(expected, (value, at) => Math.abs(value - logits[at]!)));
  classifier.dispose();
  return worst / scale;
}
