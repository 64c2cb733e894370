/**
 * Forward passes, input gradients (cross-entropy) and steps of training of networks, on each ready backend beside PyTorch:
 * images a second by the clock, and processor milliseconds an image, which other programs on the machine disturb less.
 * Random weights. Sides take turns, `--rounds` times; the median of each counts. The last columns are against PyTorch's
 * channels_last.
 *
 *   npm run build && PYTHON=python3 npm run bench -- network [--rounds 5] [--threads 2] [--only resnet50] [--kind training] [--eager]
 *
 * `--eager` adds the tensorflow backend without its graph. Needs a Python with torch for the comparison.
 */
import { fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { zoo } from '../src/models/architectures/zoo.ts';
import { defaultEvaluation, openClassifier } from '../src/models/inference.ts';
import type { Evaluation } from '../src/models/inference.ts';
import { cnn } from '../src/models/architectures/cnn.ts';
import { initializeModel } from '../src/models/initialize.ts';
import { openBackend, probeBackends } from '../src/tensors/backend.ts';
import { tf } from '../src/tensors/tf.ts';
import { trainedWeights } from '../src/models/training-network.ts';
import type { Batch } from '../src/training/batches.ts';
import { openStep } from '../src/training/open-step.ts';
import { initialState } from '../src/training/state.ts';
import type { NetworkModel } from '../src/values/model.ts';
import { printHeader } from './header.ts';
import type { Rank } from '@tensorflow/tfjs';

/** `cnn` is the quickstart's network. */
interface Job {
  readonly network: 'cifar-resnet20' | 'resnet50' | 'cnn';
  readonly size: number;
  readonly batch: number;
  readonly kind: 'forward' | 'gradient' | 'training';
  /** Number of batches that are timed together. */
  readonly repeats: number;
}

/** Seconds of one batch. */
interface Sample {
  readonly wall: number;
  readonly cpu: number;
}

/** Runs jobs one at a time in a process of its own. */
interface Side {
  readonly name: string;
  readonly run: (job: Job) => Promise<Sample>;
  readonly stop: () => void;
}

const small = { network: 'cifar-resnet20', size: 32, repeats: 4 } as const;
const large = { network: 'resnet50', size: 224, repeats: 1 } as const;
const quick = { network: 'cnn', size: 28, repeats: 10 } as const;
const jobs: readonly Job[] = [
  { ...small, batch: 64, kind: 'forward' },
  { ...small, batch: 64, kind: 'gradient' },
  { ...small, batch: 256, kind: 'forward' },
  { ...small, batch: 256, kind: 'gradient' },
  { ...small, batch: 128, kind: 'training' },
  { ...large, batch: 8, kind: 'forward' },
  { ...large, batch: 8, kind: 'gradient' },
  { ...quick, batch: 64, kind: 'forward' },
  { ...quick, batch: 64, kind: 'gradient' },
  { ...quick, batch: 100, kind: 'training' },
];

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    only: { type: 'string' },
    kind: { type: 'string' },
    eager: { type: 'boolean', default: false },
    without: { type: 'string', multiple: true, default: ['webgpu'] },
    side: { type: 'string' },
  },
});

if (options.side !== undefined) await serve(options.side);
else await compare();

async function compare(): Promise<void> {
  const python = process.env['PYTHON'] ?? 'python3';
  const sides = [
    ...probeBackends()
      .filter(({ name, ready }) => ready && !options.without.includes(name))
      .map(({ name }) => name),
    ...(options.eager ? ['tensorflow eager'] : []),
  ].map(ravelinSide);
  const references = ['contiguous', 'channels_last'].map((layout) => torchSide(python, layout));
  const hasTorch = await references[0]!
    .run({ ...small, batch: 1, kind: 'forward' })
    .then(() => true)
    .catch((error: unknown) => {
      console.error(`\n!!! NO COMPARISON: ${python} cannot run torch (set PYTHON): ${String(error)}\n`);
      return false;
    });
  if (!hasTorch) references.forEach(({ stop }) => stop());
  const all = hasTorch ? [...sides, ...references] : sides;
  printHeader();
  console.log(`${options.threads} threads, median of ${options.rounds}`);
  const wanted = jobs.filter(
    ({ network, kind }) =>
      (options.only ?? network).split(',').includes(network) && (options.kind ?? kind) === kind,
  );
  try {
    for (const job of wanted) {
      const samples = new Map<Side, Sample[]>(all.map((side) => [side, []]));
      for (const side of all) await side.run(job);
      for (let round = 0; round < Number(options.rounds); round++)
        for (const side of all) samples.get(side)!.push(await side.run(job));
      print(job, samples);
    }
  } finally {
    for (const { stop } of all) stop();
  }
}

function print(job: Job, samples: ReadonlyMap<Side, readonly Sample[]>): void {
  console.log(`\n${job.network}, ${job.size} pixels, batch ${job.batch}, ${job.kind}`);
  const medians = [...samples].map(([{ name }, taken]) => ({
    name,
    wall: median(taken.map(({ wall }) => wall)),
    cpu: median(taken.map(({ cpu }) => cpu)),
  }));
  const reference = medians.find(({ name }) => name === 'torch channels_last');
  for (const { name, wall, cpu } of medians) {
    const ratio = (theirs: number | undefined, ours: number): string =>
      theirs === undefined ? '' : `${(theirs / ours).toFixed(2)}×`.padStart(8);
    console.log(
      `  ${name.padEnd(20)}${(job.batch / wall).toFixed(1).padStart(9)} images/s${((cpu * 1000) / job.batch).toFixed(2).padStart(9)} ms CPU/image` +
        ratio(reference?.wall, wall) +
        ratio(reference?.cpu, cpu),
    );
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function ravelinSide(name: string): Side {
  const child = fork(fileURLToPath(import.meta.url), ['--side', name], {
    env: { ...process.env, RAVELIN_THREADS: options.threads },
  });
  return side(name, child, (listen) => child.on('message', listen), (job) => child.send(job)); // prettier-ignore
}

/** `script` answers each line of JSON with one. */
function torchSide(python: string, layout: string): Side {
  const script = fileURLToPath(new URL('../../bench/network.py', import.meta.url));
  const child = spawn(python, [script, layout, options.threads], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OMP_WAIT_POLICY: 'passive' },
  });
  // A Python that is not there closes the pipe; `side` tells of that.
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout });
  return side(
    `torch ${layout}`,
    child,
    (listen) => lines.on('line', (line) => listen(JSON.parse(line) as Sample)),
    (job) => child.stdin.write(`${JSON.stringify(job)}\n`),
  );
}

function side(
  name: string,
  child: ChildProcess,
  onSample: (listen: (sample: unknown) => void) => void,
  send: (job: Job) => void,
): Side {
  let ended: Error | null = null;
  let settle: { resolve: (sample: Sample) => void; reject: (error: Error) => void } | null = null;
  const end = (error: Error): void => {
    ended = error;
    settle?.reject(error);
  };
  child.on('error', end);
  child.on('exit', (code) => end(new Error(`${name} ended with ${String(code)}`)));
  onSample((sample) => settle?.resolve(sample as Sample));
  return {
    name,
    run: (job) =>
      new Promise((resolve, reject) => {
        if (ended !== null) reject(ended);
        settle = { resolve, reject };
        send(job);
      }),
    stop: () => void child.kill(),
  };
}

/** The other end of `ravelinSide`. */
async function serve(name: string): Promise<void> {
  const [backend, form] = name.split(' ') as [string, Evaluation | undefined];
  await openBackend(backend);
  const prepared = new Map<string, () => Promise<void>>();
  const measure = async (job: Job): Promise<Sample> => {
    const key = JSON.stringify(job);
    const once = prepared.get(key) ?? (await prepare(job, form));
    prepared.set(key, once);
    const before = process.cpuUsage();
    const start = performance.now();
    for (let repeat = 0; repeat < job.repeats; repeat++) await once();
    const wall = (performance.now() - start) / 1000 / job.repeats;
    const { user, system } = process.cpuUsage(before);
    return { wall, cpu: (user + system) / 1e6 / job.repeats };
  };
  process.on('message', (job) => {
    void measure(job as Job).then((sample) => process.send?.(sample));
  });
}

/** Opens the network of a job with made-up images, and returns what computes one batch. */
async function prepare(job: Job, form: Evaluation | undefined): Promise<() => Promise<void>> {
  const { size, batch, kind } = job;
  const model = randomModel(job);
  const channels = model.network.inputShape[2];
  const pixels = tf.randomUniform<Rank.R4>([batch, size, size, channels], 0, 1, 'float32', 1);
  const labels = Int32Array.from({ length: batch }, (_, index) => index % 10);
  if (kind === 'training') return training(model, (await pixels.data()) as Float32Array, labels, form);
  const classifier = await openClassifier(model, form);
  const at = tf.tensor1d(labels, 'int32');
  // What is computed lazily is computed now.
  await Promise.all([pixels.data(), at.data()]);
  return async () => {
    if (kind === 'forward') {
      const logits = await classifier.logits(pixels);
      await logits.data();
      logits.dispose();
    } else {
      const { gradient, logits } = await classifier.inputGradient(pixels, at, 'cross-entropy');
      await gradient.data();
      tf.dispose([gradient, logits]);
    }
  };
}

async function training(
  model: NetworkModel,
  pixels: Float32Array,
  labels: Int32Array,
  evaluation: Evaluation = defaultEvaluation(),
): Promise<() => Promise<void>> {
  const step = await openStep(model, { momentum: 0.9, weightDecay: 5e-4, nesterov: false, evaluation });
  const state = initialState(model, trainedWeights(model.weights));
  const shape: Batch['shape'] = [labels.length, ...model.network.inputShape];
  return async () => {
    await step.take(state, { pixels, shape, labels, ids: labels }, 1e-3, () => new Float32Array(0));
  };
}

function randomModel({ network: name, size }: Job): NetworkModel {
  if (name === 'cnn') {
    const options = { filters: [8, 16], kernel: 5, batchNorm: false, dense: [64], dropout: 0 };
    const network = cnn({ inputShape: [size, size, 1], classes: 10, ...options });
    return initializeModel(network, { mean: [0.1307], std: [0.3081] }, [1, 2]);
  }
  const { build, initialization } = zoo[name];
  const preprocessing = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  return initializeModel(build({ size, classes: 10 }), preprocessing, [1, 2], initialization);
}
