/** Networks that PyTorch exported, against what PyTorch computed with them: the loop of bench/onnx.ts and bench/torch-export.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openClassifier } from '../src/models/inference.ts';
import { openBackend } from '../src/tensors/backend.ts';
import { tf } from '../src/tensors/tf.ts';
import { decodeSafetensors } from '../src/values/safetensors.ts';
import type { NetworkModel } from '../src/values/model.ts';

export interface ExportedFormat {
  readonly extension: string;
  /** Heads of the columns that `nameOf` fills; the first is the network, whose results are NETWORK.safetensors. */
  readonly heads: readonly string[];
  readonly nameOf: (file: string) => readonly string[];
  readonly build: (
    path: string,
    parameters: {
      readonly channels: 'rgb';
      readonly mean: readonly number[];
      readonly std: readonly number[];
    },
  ) => Promise<NetworkModel>;
}

/**
 * Prints for each file of the folder the largest difference of the logits, relative to the largest logit, and the median over
 * the images of the relative distance of the input gradient. The command line is FOLDER [BACKEND] [part of the name].
 */
export async function compareExported({ extension, heads, nameOf, build }: ExportedFormat): Promise<void> {
  const [folder = '.', backend = 'wasm', only = ''] = process.argv.slice(2);
  await openBackend(backend);
  const columns = [...heads, 'logits', 'gradient', 'seconds'];
  console.log(`| ${columns.join(' | ')} |\n| ${columns.map(() => '---').join(' | ')} |`);
  for (const file of readdirSync(folder).filter((name) => name.endsWith(extension) && name.includes(only))) {
    const names = nameOf(file);
    const print = (...results: readonly string[]): void =>
      console.log(`| ${[...names, ...results].join(' | ')} |`);
    const { tensors } = decodeSafetensors(readFileSync(join(folder, `${names[0]!}.safetensors`)));
    const of = (key: string) => tensors[key]!;
    try {
      const model = await build(join(folder, file), { channels: 'rgb', mean: [0], std: [1] });
      const classifier = await openClassifier(model);
      const pixels = tf.tensor4d(of('pixels').data, of('pixels').shape as [number, number, number, number]);
      const labels = tf.tensor1d(Int32Array.from(of('labels').data), 'int32');
      const started = performance.now();
      const result = await classifier.inputGradient(pixels, labels, 'cross-entropy');
      const logits = await result.logits.data();
      const gradient = await result.gradient.data();
      const seconds = (performance.now() - started) / 1000;
      const expected = of('logits').data;
      const largest = Math.max(...Array.from(expected, (value) => Math.abs(value)));
      const off = Math.max(...Array.from(expected, (value, at) => Math.abs(value - logits[at]!)));
      const size = gradient.length / pixels.shape[0];
      const distances = Array.from({ length: pixels.shape[0] }, (_, row) => {
        const own = of('gradient').data.slice(row * size, (row + 1) * size);
        const difference = own.map((value, at) => value - gradient[row * size + at]!);
        return norm(difference) / norm(own);
      }).sort((a, b) => a - b);
      const median = distances[distances.length >> 1]!;
      print((off / largest).toExponential(1), median.toExponential(1), seconds.toFixed(1));
      classifier.dispose();
    } catch (error) {
      print(error instanceof Error ? error.message : String(error), '', '');
    }
  }
}

function norm(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));
}
