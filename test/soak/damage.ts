/**
 * Damages the cache on purpose: flips a bit, cuts off an end, adds a byte, deletes a file or empties it, among objects, commit
 * records, checkpoints, ledgers, remembered graphs, what is in quarantine, and the memories of files. `cache verify` must find every
 * damaged object, record and checkpoint; no command may end in a stack trace or give other results; and a plain rerun must leave what
 * an undisturbed run leaves, byte for byte.
 *
 *   npm run soak -- damage [count = 1000] [seed]
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseRecord } from '../../src/runtime/store/record.ts';
import { verifyStore } from '../../src/runtime/store/maintenance.ts';
import { openStore } from '../../src/runtime/store/store.ts';
import { randomStream } from '../../src/tensors/random.ts';
import type { RandomStream } from '../../src/tensors/random.ts';
import { countDamaged, createSoakProject, recordedOutputs, storedFiles } from './project.ts';
import type { SoakProject } from './project.ts';

export interface DamageReport {
  readonly damages: number;
  /** Damages by the part of the cache. */
  readonly kinds: Readonly<Record<Kind, number>>;
  /** Damages of objects, records and checkpoints that `cache verify` did not name, each by itself. */
  readonly undetected: number;
  /** Commands that ended in a stack trace, were killed, or returned a code that is not documented. */
  readonly crashes: readonly string[];
  readonly wrong: readonly string[];
}

const kinds = ['objects', 'records', 'checkpoints', 'ledgers', 'graphs', 'quarantine', 'memories'] as const;
type Kind = (typeof kinds)[number];

const pipeline = `ravelin: 1
name: soak
seed: 3
defaults: { shard: 8 }
stages:
  images: { uses: dataset/mnist, with: { split: test, limit: 40 } }
  defended: { uses: defense/bit-depth, with: { bits: 2 }, in: { images: images }, store: always }
  network: { uses: model/cnn, with: { height: 28, width: 28, channels: 1, filters: [2], dense: [] } }
  classifier: { uses: train/sgd, with: { epochs: 20, batchSize: 8 }, in: { model: network, images: images } }
  predictions: { uses: predict/classify, in: { model: classifier, images: defended } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions }, publish: { metrics: results/scores.json } }
  table: { uses: report/table, in: { scores: { from: scores, collect: all } }, publish: { table: results/table.md } }
`;

/** Commands that only read, and what they may return beside 0. */
const readers: readonly (readonly [command: readonly string[], codes: readonly number[]])[] = [
  [['cache', 'verify'], [5]],
  [['cache', 'du'], []],
  [['cache', 'ls'], []],
  [['cache', 'gc', '-n', '--max-size', '1B'], []],
  [['runs'], []],
  [['runs', 'show'], [2]],
  [['runs', 'show', '--time'], [2]],
  [['metrics'], [2, 5]],
  [
    ['logs', 'scores'],
    [1, 2],
  ],
  [['status', 'p.yaml'], []],
  [['plan', 'p.yaml'], []],
  [['why', 'p.yaml', 'scores'], []],
  [['validate', 'p.yaml'], []],
  [['dag', 'p.yaml'], []],
];

/** The state of a training that was killed, as it lies in the cache. */
interface LeftState {
  readonly key: string;
  readonly bytes: Uint8Array;
}

export function soakDamage(count: number, seed: number, say: (line: string) => void): DamageReport {
  const project = createSoakProject(pipeline);
  if (project.run() !== 0) throw new Error('the undisturbed run failed');
  const expected = JSON.stringify(project.results());
  const exported = exportOf(project);
  if (exported === null) throw new Error('the undisturbed export failed');
  const left = killedTraining(project);
  if (project.run() !== 0 || JSON.stringify(project.results()) !== expected)
    throw new Error('the run after a killed training gave other results');
  const random = randomStream([seed, 8]);
  const counts = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>;
  const wrong: string[] = [];
  const crashes: string[] = [];
  let damages = 0;
  let undetected = 0;

  for (let round = 0; damages < count; round++) {
    // The training has to run again, from its checkpoint if that is whole, in every third round.
    if (round % 3 === 0) leaveKilled(project, left);
    const chosen = chooseFiles(project, random);
    const needers = recordsByObject(
      storedFiles(project.cache, 'actions').filter((path) => !chosen.some((file) => file.path === path)),
    );
    const done = chosen.map(({ path }) => damage(path, random));
    chosen.forEach(({ kind }) => counts[kind]++);
    damages += chosen.length;
    const story = done.join(', ');

    // Every other time the rerun has to find the damage by itself; what it did not need to read, verify must find after it.
    if (round % 2 === 0) {
      const report = project.verify();
      chosen.forEach(({ kind, path }, index) => {
        if (isNamed(kind, path, report, needers)) return;
        undetected++;
        say(`undetected: ${done[index]!}`);
      });
    } else {
      for (const at of [0, 1, 2]) {
        const [command, codes] = readers[(round * 3 + at) % readers.length]!;
        const { code, output } = project.command(...command);
        if (code === null || !(code === 0 || codes.includes(code)) || isStack(output))
          crashes.push(
            `${command.join(' ')} ended with ${String(code)} after ${story}:\n${output.slice(0, 2000)}`,
          );
      }
      const other = exportOf(project, crashes, story);
      if (other !== null && other !== exported) wrong.push(`another export after ${story}`);
    }
    runWhole(project, story, { wrong, crashes });
    verifyStore(openStore(project.cache));
    runWhole(project, `${story}, and verification`, { wrong, crashes });
    const damaged = countDamaged(verifyStore(openStore(project.cache)));
    if (damaged > 0) wrong.push(`${damaged} damaged entries stayed after ${story}`);
    if (JSON.stringify(project.results()) !== expected) wrong.push(`other results after ${story}`);
    if (round % 10 === 9) rmSync(`${project.cache}/quarantine`, { recursive: true, force: true });
    if (round % 20 === 19) say(`${damages} damages, ${wrong.length} wrong, ${crashes.length} crashes`);
  }
  project.remove();
  return { damages, kinds: counts, undetected, crashes, wrong };
}

function runWhole(
  project: SoakProject,
  story: string,
  { wrong, crashes }: { readonly wrong: string[]; readonly crashes: string[] },
): void {
  const { code, output } = project.command('run', 'p.yaml', '--ui', 'plain', '-j', '1');
  if (isStack(output)) crashes.push(`run after ${story}:\n${output.slice(-2000)}`);
  if (code !== 0) wrong.push(`the rerun ended with ${String(code)} after ${story}:\n${output.slice(-2000)}`);
  if (output.includes('not run')) wrong.push(`the rerun left cells out after ${story}`);
}

/** The bytes of an export; null if it was refused. */
function exportOf(project: SoakProject, crashes: string[] = [], story = ''): string | null {
  const target = join(project.folder, 'exported.safetensors');
  rmSync(target, { force: true });
  const { code, output } = project.command('export', 'p.yaml', 'defended', '--to', target);
  if (code === null || ![0, 1, 5].includes(code) || isStack(output))
    crashes.push(`export ended with ${String(code)} after ${story}:\n${output.slice(0, 2000)}`);
  return code === 0 ? readFileSync(target, 'base64') : null;
}

/** Whether an error of ravelin itself, or of Node, was printed. */
function isStack(output: string): boolean {
  return /error in ravelin|^\s+at .*:\d+:\d+\)?$/m.test(output);
}

/** Kills the worker of a training after its third checkpoint, and again when it is tried again, so that the run ends without it. */
function killedTraining(project: SoakProject): LeftState {
  const key = keyOf(project, 'train/sgd');
  const store = openStore(project.cache);
  rmSync(store.recordPath(key));
  if (project.run({ RAVELIN_FAULT: 'worker/renamed:3', RAVELIN_CHECKPOINT_STEPS: '1' }) === 0)
    throw new Error('the training was not killed');
  return { key, bytes: readFileSync(store.checkpointPath(key)) };
}

function leaveKilled(project: SoakProject, { key, bytes }: LeftState): void {
  const store = openStore(project.cache);
  rmSync(store.recordPath(key), { force: true });
  mkdirSync(dirname(store.checkpointPath(key)), { recursive: true });
  writeFileSync(store.checkpointPath(key), bytes);
}

function keyOf(project: SoakProject, uses: string): string {
  const store = openStore(project.cache);
  const key = Object.keys(recordedOutputs(project.cache)).find(
    (at) => store.peekRecord(at)?.preimage.uses === uses,
  );
  if (key === undefined) throw new Error(`there is no result of ${uses}`);
  return key;
}

interface ChosenFile {
  readonly kind: Kind;
  readonly path: string;
}

/** One to twelve files. Each part of the cache is as likely as another, however many files it has. */
function chooseFiles({ cache }: SoakProject, random: RandomStream): readonly ChosenFile[] {
  const folders: Readonly<Record<Kind, readonly string[]>> = {
    objects: storedFiles(cache, 'objects/sha256'),
    records: storedFiles(cache, 'actions'),
    checkpoints: storedFiles(cache, 'checkpoints'),
    ledgers: storedFiles(cache, 'runs')
      .filter((path) => path.endsWith('.jsonl'))
      .slice(-3),
    graphs: storedFiles(cache, 'graphs'),
    quarantine: storedFiles(cache, 'quarantine'),
    memories: [
      ...storedFiles(cache, 'last'),
      ...storedFiles(cache, 'published'),
      `${cache}/files.json`,
    ].filter(existsSync),
  };
  const chosen = new Map<string, ChosenFile>();
  const wanted = 1 + random.integer(12);
  for (let attempt = 0; attempt < 100 && chosen.size < wanted; attempt++) {
    const kind = kinds[random.integer(kinds.length)]!;
    const files = folders[kind];
    const path = files.length === 0 ? undefined : files[random.integer(files.length)]!;
    if (path !== undefined) chosen.set(path, { kind, path });
  }
  return [...chosen.values()];
}

/**
 * A commit record or a checkpoint that is gone is a result that was never made, and an object that no record names is of no result:
 * there is nothing to detect, only to compute.
 */
function isNamed(
  kind: Kind,
  path: string,
  report: ReturnType<SoakProject['verify']>,
  needers: ReadonlyMap<string, readonly string[]>,
): boolean {
  const name = basename(path).replace(/\.(json|v1)$/, '');
  switch (kind) {
    case 'objects':
      if (report.damagedObjects.includes(name)) return true;
      return !existsSync(path) && (needers.get(name) ?? []).every((key) => report.incomplete.includes(key));
    case 'records':
      return report.damagedRecords.includes(name) || !existsSync(path);
    case 'checkpoints':
      return report.damagedCheckpoints.includes(name) || !existsSync(path);
    case 'ledgers':
    case 'graphs':
    case 'quarantine':
    case 'memories':
      return true;
  }
}

/** Keys of the undamaged records among `files` by the objects that they name. */
function recordsByObject(files: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const keys = new Map<string, string[]>();
  for (const path of files) {
    const key = basename(path, '.json');
    const record = parseRecord(readFileSync(path, 'utf8'), key);
    for (const part of Object.values(record?.outputs ?? {}).flat()) {
      for (const { digest } of [part, ...(part.needs ?? [])])
        keys.set(digest, [...(keys.get(digest) ?? []), key]);
    }
  }
  return keys;
}

function damage(path: string, random: RandomStream): string {
  const name = path.split('/').slice(-3).join('/');
  const bytes = readFileSync(path);
  switch (random.integer(5)) {
    case 0:
      if (bytes.length > 0) bytes[random.integer(bytes.length)]! ^= 1 << random.integer(8);
      writeFileSync(path, bytes);
      return `a flipped bit in ${name}`;
    case 1:
      writeFileSync(path, bytes.subarray(0, random.integer(Math.max(1, bytes.length))));
      return `a cut end of ${name}`;
    case 2:
      writeFileSync(path, Buffer.concat([bytes, Buffer.from([random.integer(256)])]));
      return `a byte more in ${name}`;
    case 3:
      writeFileSync(path, '');
      return `an empty ${name}`;
    default:
      rmSync(path);
      return `no ${name}`;
  }
}
