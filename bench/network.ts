/**
 * Forward passes and input gradients (cross-entropy) of networks, on each ready backend beside PyTorch: images a second by
 * the clock, and processor milliseconds an image, which other programs on the machine disturb less. Random weights. Sides
 * take turns, `--rounds` times; the median of each counts. The last columns are against PyTorch's channels_last.
 *
 *   npm run build && PYTHON=python3 npm run bench -- network [--rounds 5] [--threads 2] [--only resnet50] [--eager]
 *
 * `--eager` adds the tensorflow backend without its graph. Needs a Python with torch for the comparison.
 */
import { fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { zoo } from '../src/models/architectures/zoo.ts';
import type { Classifier } from '../src/models/classifier.ts';
import { openClassifier } from '../src/models/inference.ts';
import type { Evaluation } from '../src/models/inference.ts';
import { initializeModel } from '../src/models/initialize.ts';
import { openBackend, probeBackends } from '../src/tensors/backend.ts';
import { tf } from '../src/tensors/tf.ts';
import type { Rank } from '@tensorflow/tfjs';

interface Job {
  readonly network: 'cifar-resnet20' | 'resnet50';
  readonly size: number;
  readonly batch: number;
  readonly kind: 'forward' | 'gradient';
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

const jobs: readonly Job[] = [
  { network: 'cifar-resnet20' as const, size: 32, batch: 64 },
  { network: 'cifar-resnet20' as const, size: 32, batch: 256 },
  { network: 'resnet50' as const, size: 224, batch: 8 },
].flatMap((job) => [
  { ...job, kind: 'forward' as const },
  { ...job, kind: 'gradient' as const },
]);

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    only: { type: 'string' },
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
    .run({ network: 'cifar-resnet20', size: 32, batch: 1, kind: 'forward' })
    .then(() => true)
    .catch((error: unknown) => {
      console.error(`\n!!! NO COMPARISON: ${python} cannot run torch (set PYTHON): ${String(error)}\n`);
      return false;
    });
  if (!hasTorch) references.forEach(({ stop }) => stop());
  const all = hasTorch ? [...sides, ...references] : sides;
  console.log(`${options.threads} threads, median of ${options.rounds}`);
  try {
    for (const job of jobs.filter(({ network }) => options.only === undefined || network === options.only)) {
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
  const opened = new Map<string, Classifier>();
  const measure = async ({ network, size, batch, kind }: Job): Promise<Sample> => {
    const classifier = opened.get(network) ?? (await openRandom(network, size, form));
    opened.set(network, classifier);
    const pixels = tf.randomUniform<Rank.R4>([batch, size, size, 3], 0, 1, 'float32', 1);
    const labels = tf.tensor1d(
      Array.from({ length: batch }, (_, index) => index % 10),
      'int32',
    );
    // What is computed lazily is computed now.
    await Promise.all([pixels.data(), labels.data()]);
    const before = process.cpuUsage();
    const start = performance.now();
    if (kind === 'forward') {
      const logits = await classifier.logits(pixels);
      await logits.data();
      logits.dispose();
    } else {
      const { gradient, logits } = await classifier.inputGradient(pixels, labels, 'cross-entropy');
      await gradient.data();
      tf.dispose([gradient, logits]);
    }
    const wall = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(before);
    tf.dispose([pixels, labels]);
    return { wall, cpu: (user + system) / 1e6 };
  };
  process.on('message', (job) => {
    void measure(job as Job).then((sample) => process.send?.(sample));
  });
}

async function openRandom(
  name: Job['network'],
  size: number,
  form: Evaluation | undefined,
): Promise<Classifier> {
  const { build, initialization } = zoo[name];
  const preprocessing = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  return openClassifier(
    initializeModel(build({ size, classes: 10 }), preprocessing, [1, 2], initialization),
    form,
  );
}
