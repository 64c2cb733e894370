/**
 * Attacks through model/python beside Foolbox and torchattacks, which attack the same module of torch in their own process: the same network,
 * CIFAR-10 test images and threads. Both processes of ours count. The networks are a trained ResNet-20, and with random weights, whose
 * classes are the labels, timm's vit_tiny and a WRN-16-2.
 *
 *   PYTHON=/path/to/python npm run bench -- python-model DATA [--images 64] [--attacks bim,deepfool,cw-l2] [--libraries foolbox,torchattacks] [--network vit_tiny]
 *
 * DATA and the Python are those of bench/attacks.ts.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { meanOf, measurePerturbation } from '../src/attacks/dissimilarity.ts';
import { openProgram } from '../src/stages/shared/open-program.ts';
import { openBackend } from '../src/tensors/backend.ts';
import type { ProgramModel } from '../src/values/model.ts';
import { attackImages, classify } from '../test/attacks/attack-classifier.ts';
import { libraryAttacks } from '../test/attacks/library-attacks.ts';
import { iterated, plainFgsm } from '../test/attacks/plain-attacks.ts';
import { inputOf } from '../test/attacks/trained-network.ts';
import { imagesOf, runStage } from '../test/stages/run-stage.ts';
import { peerRows, printAttack, type Row } from './attack-peers.ts';
import { printHeader } from './header.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: 'string', default: '64' },
    attacks: { type: 'string', default: 'bim,deepfool,cw-l2' },
    libraries: { type: 'string', default: 'foolbox,torchattacks' },
    network: { type: 'string', default: 'resnet20' },
  },
});
const data = positionals[0];
if (data === undefined) {
  console.error('usage: npm run bench -- python-model DATA   (see bench/python-model.ts)');
  process.exit(2);
}
const count = Number(values.images);
const names = values.attacks.split(',') as (keyof typeof libraryAttacks.foolbox)[];
printHeader();

await openBackend('wasm');
const root = resolve('.');
const trained = values.network === 'resnet20';
const given = inputOf(
  await imagesOf('dataset/cifar10', {
    path: resolve(data, 'cifar10-jpeg75/cifar-10-batches-bin'),
    limit: count,
  }),
);
const { outputs } = await runStage(
  'model/python',
  {
    module: 'test/reference/attacks.py',
    make: values.network,
    ...(trained && { weights: resolve(data, 'models/cifar10-resnet20.safetensors') }),
    height: 32,
    width: 32,
    python: process.env['PYTHON'] ?? 'python3',
    device: 'cpu',
  },
  { root },
);
const classifier = await openProgram(outputs['model'] as ProgramModel, {
  resolve: (path) => resolve(root, path),
  resolveCode: (path) => ({ path: resolve(root, path), root }),
});
const images = trained
  ? given
  : { ...given, labels: Int32Array.from((await classify(classifier, given)).classes) };
// The first calls pay for what is set up once.
await attackImages(plainFgsm, classifier, images, 8 / 255);

const rows: Row[] = [];
for (const name of names) {
  const { attack, strength } = libraryAttacks.foolbox[name];
  const own = name === 'bim' ? iterated({ steps: 10, epsilon: 8 / 255 }) : attack;
  const start = process.hrtime.bigint();
  const cpu = cpuSeconds();
  const { pixels } = await attackImages(own, classifier, images, strength);
  const cost = { seconds: Number(process.hrtime.bigint() - start) / 1e9, cpuSeconds: cpuSeconds() - cpu };
  const { classes } = await classify(classifier, { ...images, pixels });
  const correct = classes.filter((predicted, row) => predicted === images.labels[row]).length;
  const l2 = meanOf(Float64Array.from(measurePerturbation(images, pixels).l2));
  rows.push(['ravelin (model/python)', name, { images: count, correct, l2, ...cost }]);
}
rows.push(
  ...peerRows({ data, names, count, libraries: values.libraries.split(','), network: values.network }),
);
for (const name of names) printAttack(rows, name);
process.exit(0);

/** Processor time of this process and those that it started, in seconds (proc(5): clock ticks of 10 ms). */
function cpuSeconds(): number {
  const own = process.cpuUsage();
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim();
  const ticks = children.split(' ').map((pid) => {
    const fields = readFileSync(join('/proc', pid, 'stat'), 'utf8')
      .split(') ')[1]!
      .split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  return (own.user + own.system) / 1e6 + ticks.reduce((sum, some) => sum + some, 0) / 100;
}
