/**
 * Attacks beside Foolbox, torchattacks and ART: the same ResNet-20, CIFAR-10 test images and threads, one after the other in one run. Images a
 * second and CPU seconds (all threads), and what a sweep over five strengths costs relative to one.
 *
 *   PYTHON=/path/to/python npm run bench -- attacks DATA [--images 256] [--backend tensorflow] [--attacks fgsm,bim,deepfool,cw-l2] [--libraries foolbox,torchattacks]
 *
 * DATA holds cifar10-jpeg75/cifar-10-batches-bin and models/cifar10-resnet20.safetensors; the Python needs what
 * test/reference/attacks.py names. ART is not among the default libraries: it takes minutes.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { attackImages, classify, sweepStrengths } from '../test/attacks/attack-classifier.ts';
import { meanOf, measurePerturbation, pixelSpace } from '../src/attacks/dissimilarity.ts';
import { openClassifier } from '../src/models/inference.ts';
import { openBackend } from '../src/tensors/backend.ts';
import { carliniWagnerWith, deepFoolWith, pgdWith } from '../test/attacks/every-attack.ts';
import { libraryAttacks } from '../test/attacks/library-attacks.ts';
import { iterated, plainFgsm } from '../test/attacks/plain-attacks.ts';
import { inputOf } from '../test/attacks/trained-network.ts';
import { imagesOf, runStage } from '../test/stages/run-stage.ts';
import type { NetworkModel } from '../src/values/model.ts';
import { type Cost, peerRows, printAttack, type Row } from './attack-peers.ts';
import { printHeader } from './header.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: 'string', default: '256' },
    backend: { type: 'string', default: 'tensorflow' },
    attacks: { type: 'string', default: 'fgsm,bim,deepfool,cw-l2' },
    libraries: { type: 'string', default: 'foolbox,torchattacks' },
  },
});
const data = positionals[0];
if (data === undefined) {
  console.error('usage: npm run bench -- attacks DATA   (see bench/attacks.ts)');
  process.exit(2);
}
const count = Number(values.images);
printHeader();
const names = values.attacks.split(',') as (keyof typeof libraryAttacks.foolbox)[];

const rows: Row[] = [];
await openBackend(values.backend);
const images = inputOf(
  await imagesOf('dataset/cifar10', {
    path: join(data, 'cifar10-jpeg75/cifar-10-batches-bin'),
    limit: count,
  }),
);
const { outputs } = await runStage('model/cifar-resnet20', {
  weights: join(data, 'models/cifar10-resnet20.safetensors'),
});
const classifier = await openClassifier(outputs['model'] as NetworkModel);
// The first calls pay for what is set up once.
await attackImages(plainFgsm, classifier, images, 8 / 255);
for (const name of names) {
  const { attack, strength } = libraryAttacks.foolbox[name];
  // What `like` adds to FGSM and BIM (a second forward pass, for PyTorch's rounding) is no part of the attack.
  const own =
    name === 'fgsm' ? plainFgsm : name === 'bim' ? iterated({ steps: 10, epsilon: 8 / 255 }) : attack;
  const { result, ...cost } = await timed(() => attackImages(own, classifier, images, strength));
  const { classes: initial } = await classify(classifier, { ...images, pixels: result.pixels });
  const correct = initial.filter((predicted, row) => predicted === images.labels[row]).length;
  const l2 = meanOf(Float64Array.from(measurePerturbation(images, result.pixels).l2));
  rows.push([`ravelin (${values.backend})`, name, { images: count, correct, l2, ...cost }]);
}

for (const row of peerRows({ data, names, count, libraries: values.libraries.split(',') })) rows.push(row);

for (const name of names) printAttack(rows, name);

const sweeps = {
  fgsm: plainFgsm,
  'i-fgsm': iterated({ steps: 10 }),
  deepfool: deepFoolWith(),
  'cw-l2': carliniWagnerWith(),
  pgd: pgdWith({ steps: 10 }),
};
const strengths = [0.02, 0.035, 0.05, 0.065, 0.08].map((dissimilarity) => {
  return { dissimilarity, per: 'set', tolerance: 0.01, space: pixelSpace } as const;
});
for (const [name, attack] of Object.entries(sweeps)) {
  const one = await timed(() => attackImages(attack, classifier, images, strengths[2]!));
  const five = await timed(() => sweepStrengths(attack, classifier, images, strengths));
  console.log(
    `sweep of 5 ${name.padEnd(9)} ${five.cpuSeconds.toFixed(2)} CPU s, ${(five.cpuSeconds / one.cpuSeconds).toFixed(2)} × one strength`,
  );
}

async function timed<T>(work: () => Promise<T>): Promise<Cost & { readonly result: T }> {
  const start = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  return {
    result,
    seconds: Number(process.hrtime.bigint() - start) / 1e9,
    cpuSeconds: (user + system) / 1e6,
  };
}
