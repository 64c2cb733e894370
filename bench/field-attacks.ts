/**
 * The attacks of AutoAttack and the fast minimum-norm attacks beside adv-lib and torchattacks: the same ResNet-20 and CIFAR-10 test images,
 * one after the other in one run. CPU seconds (all threads), images left right within the budget, and mean distances.
 *
 *   PYTHON=/path/to/python npm run bench -- field-attacks DATA [--images 64] [--budget 1/255] [--backend tensorflow] [--attacks apgd-ce,ddn,…] [--libraries adv-lib,torchattacks]
 *
 * DATA and the Python are those of test/reference/field_attacks.py. Each library gets one thread (ours: RAVELIN_THREADS). The budget is in L∞;
 * FAB takes 20 steps, Square 200 queries, the others 100 steps. `--attacks auto-attack` runs the standard version with 5,000 queries of Square,
 * on one shard of 64 images after another as a run does; auto-attack-10 takes 10 steps, as torchattacks does by default.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { AttackResult } from '../src/attacks/attack-images.ts';
import type { Attack } from '../src/attacks/attack.ts';
import { type MemberName, members, versionMembers } from '../src/attacks/auto-attack.ts';
import { type DistanceNorm, distanceBetween } from '../src/attacks/norms.ts';
import { type ImageBatch, sliceRows } from '../src/attacks/images.ts';
import { openClassifier } from '../src/models/inference.ts';
import { openBackend } from '../src/tensors/backend.ts';
import type { NetworkModel } from '../src/values/model.ts';
import { attackImages, classify } from '../test/attacks/attack-classifier.ts';
import { autoAttackWith, ddnWith, fabWith, fmnWith } from '../test/attacks/every-attack.ts';
import { plainFgsm } from '../test/attacks/plain-attacks.ts';
import { inputOf } from '../test/attacks/trained-network.ts';
import { imagesOf, runStage } from '../test/stages/run-stage.ts';
import { printHeader } from './header.ts';

/** Images of a shard of a run. */
const shard = 64;
const member = (name: MemberName): Attack =>
  autoAttackWith({ norm: 'linf', members: members(1, name), steps: 100, targets: 9, queries: 200 });
const standard = (steps: number): Attack =>
  autoAttackWith({
    norm: 'linf',
    members: versionMembers('standard', 'linf'),
    steps,
    targets: 9,
    queries: 5000,
  });

interface Row {
  readonly images: number;
  /** Still right, or farther from the original than the budget. */
  readonly left: number;
  readonly mean: number;
  readonly cpuSeconds: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: 'string', default: '64' },
    backend: { type: 'string', default: 'tensorflow' },
    budget: { type: 'string', default: '1/255' },
    attacks: {
      type: 'string',
      default: 'apgd-ce,apgd-t,fab-t,square,ddn,fmn-l2,fmn-linf,fab-l2,fab-linf',
    },
    libraries: { type: 'string', default: 'adv-lib,torchattacks' },
  },
});
const data = positionals[0];
if (data === undefined) {
  console.error('usage: npm run bench -- field-attacks DATA   (see bench/field-attacks.ts)');
  process.exit(2);
}
const names = values.attacks.split(',');
const [numerator, divisor = 1] = values.budget.split('/').map(Number);
const budget = numerator! / divisor;
const attacks: Readonly<Record<string, readonly [DistanceNorm, Attack, strength: number]>> = {
  'apgd-ce': ['linf', member('apgd-ce'), budget],
  'apgd-t': ['linf', member('apgd-t'), budget],
  'fab-t': ['linf', member('fab-t'), budget],
  square: ['linf', member('square'), budget],
  ddn: ['l2', ddnWith({ steps: 100 }), 1],
  'fmn-l2': ['l2', fmnWith({ norm: 'l2', steps: 100 }), 1],
  'fmn-linf': ['linf', fmnWith({ norm: 'linf', steps: 100 }), 1],
  'fab-l2': ['l2', fabWith({ norm: 'l2', steps: 20 }), 1],
  'fab-linf': ['linf', fabWith({ norm: 'linf', steps: 20 }), 1],
  'auto-attack': ['linf', standard(100), budget],
  'auto-attack-10': ['linf', standard(10), budget],
};
printHeader();
// The peers have one thread.
process.env['RAVELIN_THREADS'] ??= '1';
await openBackend(values.backend);
const images = inputOf(
  await imagesOf('dataset/cifar10', {
    path: join(data, 'cifar10-jpeg75/cifar-10-batches-bin'),
    limit: Number(values.images),
  }),
);
const { outputs } = await runStage('model/cifar-resnet20', {
  weights: join(data, 'models/cifar10-resnet20.safetensors'),
});
const classifier = await openClassifier(outputs['model'] as NetworkModel);
// The first calls pay for what is set up once.
await attackImages(plainFgsm, classifier, images, budget);
const ours = new Map<string, Row>();
for (const name of names) ours.set(name, await measured(name));
const peers = peerRows(data);
for (const name of names) {
  print(name, `ravelin (${values.backend})`, ours.get(name)!);
  for (const [library, rows] of Object.entries(peers)) {
    const row = rows[name];
    if (row === undefined) continue;
    const ratio = row.cpuSeconds / ours.get(name)!.cpuSeconds;
    print(name, library, row, `   ${ratio.toFixed(2)} × ravelin`);
  }
}

async function measured(name: string): Promise<Row> {
  const [norm, attack, strength] = attacks[name]!;
  const cpu = process.cpuUsage();
  const { pixels, states } = name.startsWith('auto-attack')
    ? await attackShards(attack, strength)
    : await attackImages(attack, classifier, images, strength);
  const { user, system } = process.cpuUsage(cpu);
  const { classes } = await classify(classifier, { ...images, pixels });
  const rows = [...states.keys()].filter((row) => states[row] === 'active');
  const size = pixels.length / states.length;
  const distances = rows.map((row) =>
    distanceBetween(
      images.pixels.subarray(row * size, (row + 1) * size),
      pixels.subarray(row * size, (row + 1) * size),
      norm,
    ),
  );
  const left = rows.filter(
    (row, index) => classes[row] === images.labels[row] || distances[index]! > budget * 1.0001,
  ).length;
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / rows.length;
  return { images: rows.length, left, mean, cpuSeconds: (user + system) / 1e6 };
}

async function attackShards(
  attack: Attack,
  strength: number,
): Promise<Pick<AttackResult, 'pixels' | 'states'>> {
  const pixels = images.pixels.slice();
  const states: AttackResult['states'][number][] = [];
  for (let first = 0; first < images.labels.length; first += shard) {
    const some: ImageBatch = sliceRows(images, first, Math.min(images.labels.length, first + shard));
    const result = await attackImages(attack, classifier, some, strength);
    pixels.set(result.pixels, (first * pixels.length) / images.labels.length);
    states.push(...result.states);
  }
  return { pixels, states };
}

function peerRows(from: string): Readonly<Record<string, Readonly<Record<string, Row>>>> {
  const python = process.env['PYTHON'] ?? 'python3';
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-field-attacks-'));
  const out = join(folder, 'peers.json');
  const run = spawnSync(
    python,
    [
      'test/reference/field_attacks.py',
      ...[from, out, '--seconds', '--images', values.images],
      ...['--budget', values.budget],
      ...['--attacks', ...names],
      ...['--libraries', ...values.libraries.split(',')],
    ],
    { encoding: 'utf8', env: { ...process.env, OMP_WAIT_POLICY: 'passive' } },
  );
  try {
    if (run.status !== 0) {
      console.log(`ABSENT: no peers, for ${python} failed (set PYTHON):\n${run.stderr || String(run.error)}`);
      return {};
    }
    const { results, absent } = JSON.parse(readFileSync(out, 'utf8')) as {
      readonly results: Readonly<Record<string, Readonly<Record<string, Row>>>>;
      readonly absent: readonly string[];
    };
    for (const library of absent) console.log(`ABSENT: ${library} is not installed for ${python}`);
    return results;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function print(name: string, who: string, { images: count, left, mean, cpuSeconds }: Row, more = ''): void {
  console.log(
    `${name.padEnd(14)} ${who.padEnd(21)} ${cpuSeconds.toFixed(2).padStart(8)} CPU s   ${left} of ${count} left, mean ${mean.toFixed(6)}${more}`,
  );
}
