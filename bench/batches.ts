/**
 * Processor milliseconds an image of forward passes and input gradients by the size of the batch, on tensorflow with one
 * thread: the best of `--rounds`, in which the sizes take turns. Random weights.
 *
 *   npm run bench -- batches [--rounds 5] [--network cifar-resnet20] [--size 32] [--classes 10] [--threads 1]
 */
import { parseArgs } from 'node:util';
import type { Rank } from '@tensorflow/tfjs';
import { zoo } from '../src/models/architectures/zoo.ts';
import { openClassifier } from '../src/models/inference.ts';
import { initializeModel } from '../src/models/initialize.ts';
import { openBackend } from '../src/tensors/backend.ts';
import { tf } from '../src/tensors/tf.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    network: { type: 'string', default: 'cifar-resnet20' },
    size: { type: 'string', default: '32' },
    classes: { type: 'string', default: '10' },
    threads: { type: 'string', default: '1' },
    batches: { type: 'string', default: '1,4,8,16,32,64,128' },
  },
});
process.env['RAVELIN_THREADS'] = values.threads;
const size = Number(values.size);
const classes = Number(values.classes);
const { build, initialization } = zoo[values.network as keyof typeof zoo];
const preprocessing = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
await openBackend('tensorflow');
const model = initializeModel(build({ size, classes }), preprocessing, [1, 2], initialization);
const classifier = await openClassifier(model);
const batches = values.batches.split(',').map(Number);
const kinds = ['forward', 'gradient'] as const;
const best = new Map<string, number>();
for (let round = 0; round <= Number(values.rounds); round++) {
  for (const kind of kinds) {
    for (const batch of batches) {
      const pixels = tf.randomUniform<Rank.R4>([batch, size, size, 3], 0, 1, 'float32', 7);
      const labels = tf.zeros<Rank.R1>([batch], 'int32');
      // As many images for every size, and few enough for a round of seconds.
      const calls = Math.max(1, Math.round((values.network.startsWith('cifar') ? 256 : 16) / batch));
      const before = process.cpuUsage();
      for (let call = 0; call < calls; call++) {
        if (kind === 'forward') {
          const result = await classifier.logits(pixels);
          await result.data();
          result.dispose();
        } else {
          const { gradient, logits } = await classifier.inputGradient(pixels, labels, 'cross-entropy');
          await gradient.data();
          tf.dispose([gradient, logits]);
        }
      }
      const { user, system } = process.cpuUsage(before);
      tf.dispose([pixels, labels]);
      const name = `${kind} ${batch}`;
      // The first round compiles the graphs.
      if (round > 0)
        best.set(name, Math.min(best.get(name) ?? Infinity, (user + system) / 1000 / (calls * batch)));
    }
  }
}
for (const [name, milliseconds] of best)
  console.log(`${name.padEnd(16)}${milliseconds.toFixed(3).padStart(9)} ms CPU/image`);
