/** ONNX files of exporters, against what PyTorch and onnx's reference evaluator compute (test/reference/onnx_files.py). */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openClassifier } from '../../../src/models/inference.ts';
import { convertOnnx } from '../../../src/models/onnx/convert.ts';
import { readOnnxModel } from '../../../src/models/onnx/messages.ts';
import { buildOnnxModel } from '../../../src/stages/model/shared/build-onnx.ts';
import { openBackend } from '../../../src/tensors/backend.ts';
import { tf } from '../../../src/tensors/tf.ts';
import type { NetworkModel } from '../../../src/values/model.ts';
import { expectations, fixtures, model, node, outside, tensor } from './files.ts';

beforeAll(async () => {
  await openBackend('wasm');
});

const expected = expectations();
const cases = Object.entries(expected).flatMap(([name, { files }]) =>
  files.map((file) => [file, name] as const),
);

describe('an ONNX file', () => {
  it.each(cases)('%s gives the numbers of its framework', async (file, name) => {
    const { shape, pixels, logits, cotangent, gradient, probabilities } = expected[name]!;
    const [, size, width] = shape;
    const built = await buildOnnxModel(join(fixtures, file), {
      channels: 'rgb',
      mean: [0],
      std: [1],
      size,
      width,
    });
    const classifier = await openClassifier(built);
    const images = tf.tensor4d([...pixels], [...shape]);
    const own = await classifier.logits(images);
    if (probabilities !== undefined) {
      // Half precision is computed in half by the reference, and in single by us.
      expectClose(await tf.softmax(own).data(), probabilities, name === 'half' ? 2e-3 : 1e-5);
    } else {
      expectClose(await own.data(), logits!, 1e-5);
      const seed = tf.tensor2d([...cotangent!], [shape[0], built.network.classes]);
      const pulled = await classifier.vectorJacobianProduct(images, seed);
      expectClose(await pulled.gradient.data(), gradient!, 1e-4);
    }
    classifier.dispose();
  });

  it('has the normalisation inside of it as its preprocessing', async () => {
    for (const file of expected['flattened']!.files) {
      const { preprocessing, network } = await buildOnnxModel(join(fixtures, file), { channels: 'rgb', mean: [0], std: [1] }); // prettier-ignore
      expectClose(preprocessing.mean, [0.4, 0.5, 0.6], 1e-6);
      expectClose(preprocessing.std, [0.2, 0.3, 0.25], 1e-6);
      expect(network.nodes[0]!.op).toBe('conv');
    }
  });

  it('has gates and hard swishes as one node each', async () => {
    for (const file of expected['gated']!.files) {
      const { network } = await buildOnnxModel(join(fixtures, file), {
        channels: 'rgb',
        mean: [0],
        std: [1],
      });
      const count = (op: string): number => network.nodes.filter((one) => one.op === op).length;
      expect([file, count('silu'), count('hard-swish'), count('multiply')]).toEqual([file, 1, 1, 1]);
    }
  });
});

const dense = [node('Flatten', 'f', ['x']), node('Gemm', 'y', ['f', 'w'])];
const weight = tensor('w', [4, 2], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));

function convert(bytes: Uint8Array): NetworkModel {
  return convertOnnx(readOnnxModel(bytes), { architecture: 'test' });
}

describe('what cannot be converted', () => {
  it.each([
    [
      'an operation that is not known',
      model([node('Erf', 'e', ['x']), node('Flatten', 'f', ['e']), dense[1]!], [weight]),
      /^node 'e' has the operation Erf, which is not supported; supported: Add, /,
    ],
    [
      'an operation of another domain',
      model(
        [node('Relu', 'r', ['x']), node('Softsign', 'q', ['r']), node('Flatten', 'f', ['q']), dense[1]!],
        [weight],
      ),
      /node 'q' has the operation Softsign/,
    ],
    [
      'a quantised model',
      model([node('QuantizeLinear', 'q', ['x', 'w']), ...dense], [weight]),
      /node 'q' \(QuantizeLinear\) has quantised numbers/,
    ],
    [
      'a fixed number of images in a Reshape',
      model(
        [node('Reshape', 'r', ['x', 's']), node('Gemm', 'y', ['r', 'w'])],
        [weight, tensor('s', [2], [1, 4])],
      ),
      /node 'r' \(Reshape\) has the shape \[1, 4\], which fixes the number of images to 1/,
    ],
    [
      'a Reshape that mixes images',
      model(
        [node('Reshape', 'r', ['x', 's']), node('Gemm', 'y', ['r', 'w'])],
        [weight, tensor('s', [2], [-1, 8])],
      ),
      /node 'r' \(Reshape\) has the shape \[-1, 8\] for \[batch, 1, 2, 2\], which would mix images/,
    ],
    [
      'a dropout that draws at inference',
      model(
        [node('Dropout', 'd', ['x', 'ratio', 'on']), node('Flatten', 'f', ['d']), dense[1]!],
        [weight, tensor('ratio', [], Float32Array.of(0.5)), tensor('on', [], [1])],
      ),
      /node 'd' \(Dropout\) has training_mode, by which it draws at inference/,
    ],
    [
      'a softmax in the middle',
      model([node('Softmax', 's', ['x'], { axis: 1 }), node('Flatten', 'f', ['s']), dense[1]!], [weight]),
      /node 's' has the operation Softmax|node 's' \(Softmax\)/,
    ],
    [
      'an output that is an image',
      model([node('Relu', 'y', ['x'])], []),
      /the output 'y' is \[batch, 1, 2, 2\], but must be \[batch, classes\]/,
    ],
    ['several outputs', model(dense, [weight], { outputs: ['f', 'y'] }), /the model has 2 outputs: f, y/],
    [
      'an input that is no image',
      model(dense, [weight], { input: ['batch', 4] }),
      /the input 'x' is \[batch, 4\], which says nothing of the size of the images/,
    ],
    [
      'an open size',
      model(dense, [weight], { input: ['batch', 1, 'h', 'w'] }),
      /leaves the size of its images open/,
    ],
    [
      'a node that reads what comes later',
      model([node('Gemm', 'y', ['f', 'w']), node('Flatten', 'f', ['x'])], [weight]),
      /node 'y' \(Gemm\) reads 'f', which no node before it gives/,
    ],
    [
      'weights of another size',
      model(
        [node('Flatten', 'f', ['x']), node('Gemm', 'y', ['f', 'w'])],
        [tensor('w', [4, 2], Float32Array.of(1, 2))],
      ),
      /the tensor 'w' of shape \[4, 2\] has 2 elements/,
    ],
    [
      'weights outside of the file, which is not at hand',
      model(dense, [outside('w', [4, 2], { location: 'w.bin' })]),
      /the weights are in 'w.bin', which was not given/,
    ],
    [
      'a file that is something else',
      new Uint8Array(Buffer.from('PK\u0003\u0004 a zip')),
      /the file is a zip archive, not an ONNX model/,
    ],
    ['an empty file', new Uint8Array(0), /it holds no graph/],
  ])('%s is refused by name', (_what, bytes, message) => {
    expect(() => convert(bytes)).toThrow(message);
  });

  it('a fixed number of images is accepted where the input says the same', () => {
    const bytes = model(
      [node('Reshape', 'r', ['x', 's']), node('Gemm', 'y', ['r', 'w'])],
      [weight, tensor('s', [2], [1, 4])],
      { input: [1, 1, 2, 2] },
    );
    expect(convert(bytes).network.nodes.map(({ op }) => op)).toEqual(['flatten', 'dense']);
  });

  it.each(['/etc/passwd', '../w.bin', 'a/../../w.bin', 'C:\\w.bin', 'a\\w.bin', 'w.bin/', '', '.', 'a\0b'])(
    'weights in %j are outside of the folder',
    (location) => {
      const bytes = model(dense, [outside('w', [4, 2], { location })]);
      expect(() => convert(bytes)).toThrow(/which is not a file in the model's folder/);
    },
  );
});

/** The largest difference, relative to the largest expected value. */
function expectClose(actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(wanted.length);
  const scale = Math.max(...Array.from(wanted, (value) => Math.abs(value)));
  const worst = Math.max(...Array.from(wanted, (value, at) => Math.abs(value - actual[at]!)));
  expect(scale).toBeGreaterThan(0);
  expect(worst / scale).toBeLessThan(tolerance);
}
