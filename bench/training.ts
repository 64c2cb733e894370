/**
 * Training of ResNet-20 in batches of 128 beside PyTorch's, channels_last, in turns: images a second of processor time, which
 * other programs on the machine disturb less than the clock. Then what the parts of preparing a batch cost in relation to
 * a step: augmentation, and one fresh draw of each image of JPEG, TVM and quilting.
 *
 *   PYTHON=python3 npm run bench -- training [--backend tensorflow] [--rounds 5] [--threads 2] [--patches 100000]
 *
 * Needs a Python with torch for the comparison. Made-up images, smooth with a little noise; the draws are as the stages' defaults.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { samplePatches } from '../src/defenses/quilting/patch-database.ts';
import { openTransform } from '../src/defenses/open-transform.ts';
import { runStage } from '../src/kit/testing/run-stage.ts';
import { zoo } from '../src/models/architectures/zoo.ts';
import { initializeModel } from '../src/models/initialize.ts';
import { trainedWeights } from '../src/models/training-network.ts';
import { stages } from '../src/stages/index.ts';
import { defensesOf } from '../src/stages/shared/open-recipe.ts';
import { prepareBatch } from '../src/stages/train/shared/prepare-batch.ts';
import { openBackend, probeBackends } from '../src/tensors/backend.ts';
import { randomStream } from '../src/tensors/random.ts';
import { readBatch } from '../src/training/batches.ts';
import { openStep } from '../src/training/open-step.ts';
import { initialState } from '../src/training/state.ts';
import { rowRange, rowsInMemory } from '../src/values/image-rows.ts';
import type { Transform } from '../src/values/transform.ts';
import { printHeader } from './header.ts';

const { values: options } = parseArgs({
  options: {
    backend: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    patches: { type: 'string', default: '100000' },
  },
});
const batch = 128;
const side = 32;
const repeats = 4;
process.env['RAVELIN_THREADS'] ??= options.threads;
const backend = options.backend ?? probeBackends().find(({ ready }) => ready)!.name;
await openBackend(backend);
printHeader();

const pixels = smoothImages(batch);
const ids = Int32Array.from({ length: batch }, (_, id) => id);
const shape = [batch, side, side, 3] as const;
const labels = ids.map((id) => id % 10);
const rows = rowsInMemory({ kind: 'images', pixels, shape, views: 1, labels, ids, classes: [] });
const signal = new AbortController().signal;
const seed = [1, 2] as const;

const step = await makeStep();
const torch = await openTorch();
const ours: number[] = [];
const theirs: number[] = [];
await step();
await torch?.();
for (let round = 0; round < Number(options.rounds); round++) {
  ours.push(await processorTime(step));
  if (torch !== null) theirs.push(await torch());
}
const perImage = (seconds: number): string => `${((seconds / batch) * 1000).toFixed(3)} ms CPU an image`;
const stepTime = median(ours);
console.log(`${backend}, ${options.threads} threads, median of ${options.rounds}`);
console.log(
  `a step of ravelin        ${perImage(stepTime)}, ${(batch / stepTime).toFixed(0)} images/CPU second`,
);
if (theirs.length > 0) {
  const time = median(theirs);
  const ratio = (time / stepTime).toFixed(2);
  console.log(
    `a step of torch          ${perImage(time)}, ${(batch / time).toFixed(0)} images/CPU second: ${ratio}×`,
  );
}
for (const [name, prepare] of await preparations()) {
  await prepare(0);
  const times: number[] = [];
  for (let round = 1; round <= Number(options.rounds); round++)
    times.push(await processorTime(() => prepare(round)));
  const time = median(times);
  console.log(`${name.padEnd(24)} ${perImage(time)}, ${((100 * time) / stepTime).toFixed(1)} % of a step`);
}
process.exit(0);

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Seconds of processor time, of the mean of some calls. */
async function processorTime(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  for (let repeat = 0; repeat < repeats; repeat++) await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / repeats;
}

async function makeStep(): Promise<() => Promise<void>> {
  const { build, initialization } = zoo['cifar-resnet20'];
  const preprocessing = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  const model = initializeModel(build({ size: side, classes: 10 }), preprocessing, [1, 2], initialization);
  const sgd = await openStep(model, { momentum: 0.9, weightDecay: 5e-4, nesterov: false });
  const state = initialState(model, trainedWeights(model.weights));
  const whole = await readBatch(rows, rowRange(0, batch), 0, batch);
  return async () => {
    await sgd.take(state, whole, 1e-3, () => new Float32Array(0));
  };
}

/** What is done to a batch before its step, by name. */
async function preparations(): Promise<[string, (epoch: number) => Promise<unknown>][]> {
  const count = Number(options.patches);
  const many = { pixels: smoothImages(1000), shape: [1000, side, side, 3] } as const;
  const patches = samplePatches(many, { count, size: 5 }, seed);
  const recipes: Readonly<Record<string, Transform>> = {
    'a draw of JPEG': await recipeOf('defense/jpeg'),
    'a draw of TVM': await recipeOf('defense/tvm'),
    'a draw of quilting': await recipeOf('defense/quilting', { patches }),
  };
  const { pixels: read } = await readBatch(rows, rowRange(0, batch), 0, batch);
  const crop = prepareBatch({ augment: { crop: 4, flip: true }, seed, signal })!;
  const found: [string, (epoch: number) => Promise<unknown>][] = [
    [
      'reading and cropping',
      async (epoch) => crop((await readBatch(rows, rowRange(0, batch), 0, batch)).pixels, shape, ids, epoch),
    ],
  ];
  for (const [name, recipe] of Object.entries(recipes)) {
    const transform = await openTransform(recipe, defensesOf(stages));
    const draw = prepareBatch({ augment: { crop: 0, flip: false }, transform, seed, signal })!;
    found.push([name, async (epoch) => draw(read, shape, ids, epoch)]);
  }
  return found;
}

/** The recipe that a defense gives with its defaults. */
async function recipeOf(uses: string, inputs: Readonly<Record<string, unknown>> = {}): Promise<Transform> {
  return (await runStage(stages.get(uses)!, {}, { inputs, backend })).outputs['transform'] as Transform;
}

/** Sums of a few waves in each channel, with noise of a few grey levels. */
function smoothImages(count: number): Uint8Array {
  const made = new Uint8Array(count * side * side * 3);
  for (let id = 0; id < count; id++) {
    const random = randomStream([9, 9], id);
    const waves = Array.from({ length: 12 }, () => Array.from({ length: 4 }, () => random.uniform()));
    for (let at = 0; at < side * side * 3; at++) {
      const [y, x] = [Math.floor(at / 3 / side) / side, (Math.floor(at / 3) % side) / side];
      let value = 128;
      for (let index = at % 3; index < waves.length; index += 3) {
        const [a, b, c, d] = waves[index] as [number, number, number, number];
        value += 50 * d * Math.sin(12 * (a - 0.5) * x + 12 * (b - 0.5) * y + 6 * c);
      }
      made[id * side * side * 3 + at] = Math.max(0, Math.min(255, value + 4 * random.normal()));
    }
  }
  return made;
}

/** PyTorch's side of `network.ts`: seconds of processor time of a step; null without torch. */
async function openTorch(): Promise<(() => Promise<number>) | null> {
  const script = fileURLToPath(new URL('../../bench/network.py', import.meta.url));
  const child = spawn(process.env['PYTHON'] ?? 'python3', [script, 'channels_last', options.threads], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OMP_WAIT_POLICY: 'passive' },
  });
  // A Python that is not there closes the pipe, and there is no line.
  child.stdin.on('error', () => undefined);
  child.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout });
  const job = { network: 'cifar-resnet20', size: side, batch, kind: 'training', repeats };
  const take = async (): Promise<number> => {
    const answer = Promise.race([once(lines, 'line'), once(lines, 'close')]);
    child.stdin.write(`${JSON.stringify(job)}\n`);
    const [line] = (await answer) as [string | undefined];
    if (line === undefined) throw new Error('torch does not answer');
    return (JSON.parse(line) as { cpu: number }).cpu;
  };
  try {
    await take();
    return take;
  } catch (error) {
    console.error(`\n!!! NO COMPARISON: torch cannot be run (set PYTHON): ${String(error)}\n`);
    return null;
  }
}
