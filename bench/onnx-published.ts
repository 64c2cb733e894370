/**
 * Two trained classifiers against ONNX Runtime: npm run bench -- onnx-published FOLDER [BACKEND], with the folder that
 * test/reference/onnx_published.py wrote. The gradient of a logit is held against central differences of the logits along it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openClassifier } from '../src/models/inference.ts';
import { buildOnnxModel } from '../src/stages/model/shared/build-onnx.ts';
import { openBackend } from '../src/tensors/backend.ts';
import { tf } from '../src/tensors/tf.ts';
import { decodeSafetensors } from '../src/values/safetensors.ts';

const [folder = '.', backend = 'wasm'] = process.argv.slice(2);
await openBackend(backend);
const models = {
  'open-nsfw': { channels: 'bgr', mean: [123 / 255, 117 / 255, 104 / 255], std: [1 / 255] },
  'paddle-cls': { channels: 'rgb', mean: [0.5], std: [0.5], size: 48, width: 192 },
} as const;
for (const [name, parameters] of Object.entries(models)) {
  const classifier = await openClassifier(await buildOnnxModel(join(folder, `${name}.onnx`), parameters));
  const { tensors } = decodeSafetensors(readFileSync(join(folder, `${name}.safetensors`)));
  const [pixels, expected] = [tensors['pixels']!, tensors['probabilities']!];
  const images = tf.tensor4d(pixels.data, [...pixels.shape] as [number, number, number, number]);
  const cotangent = tf.tensor2d(Array.from({ length: pixels.shape[0]! }, () => [1, 0]));
  const { gradient, logits } = await classifier.vectorJacobianProduct(images, cotangent);
  const own = await tf.softmax(logits).data();
  const off = Math.max(...Array.from(expected.data, (value, at) => Math.abs(value - own[at]!)));
  // Along a gradient g the logit changes by |g| for every step of length 1.
  const norms = tf.sqrt(tf.sum(tf.square(gradient), [1, 2, 3], true));
  const step = 0.001;
  const moved = (by: number) => classifier.logits(tf.add(images, tf.mul(tf.div(gradient, norms), by)));
  const [above, below] = [await (await moved(step)).data(), await (await moved(-step)).data()];
  const lengths = await norms.data();
  const errors = Array.from(lengths, (length, row) =>
    Math.abs((above[2 * row]! - below[2 * row]!) / (2 * step * length) - 1),
  );
  console.log(
    `${name} on ${backend}: probabilities differ by at most ${off.toExponential(1)}; differences along the gradient deviate from its length by ${errors.map((error) => `${(100 * error).toFixed(2)} %`).join(', ')}`,
  );
  classifier.dispose();
}
