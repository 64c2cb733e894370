import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseRecord } from '../../src/runtime/store/record.ts';

export const commandLine = resolve('dist/cli.js');

/** Real stages that need no network and little time: 5 + 5 + 1 + 5 + 1 + 1 units, sharded and whole, and a published table. */
const pipeline = `ravelin: 1
name: soak
seed: 3
defaults: { shard: 8 }
stages:
  images: { uses: dataset/mnist, with: { split: test, limit: 40 } }
  defended: { uses: defense/bit-depth, with: { bits: 2 }, in: { images: images } }
  compressed: { uses: defense/jpeg, in: { images: defended } }
  network: { uses: model/cnn, with: { height: 28, width: 28, channels: 1, filters: [2], dense: [] } }
  predictions: { uses: predict/classify, in: { model: network, images: compressed } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions } }
  table: { uses: report/table, in: { scores: { from: scores, collect: all } }, publish: { table: results/table.md } }
`;

/** `ravelin cache verify --json`: digests of objects, keys of records, of checkpoints, and of records whose objects are missing or damaged. */
export type VerifyReport = Readonly<
  Record<'damagedObjects' | 'damagedRecords' | 'damagedCheckpoints' | 'incomplete', readonly string[]>
>;

export interface SoakRun {
  readonly pid: number;
  /** Resolves to the exit code, null after a kill, when its last event has been read. */
  readonly ended: Promise<number | null>;
  /** Events so far. */
  readonly events: () => number;
  /** Resolves when it has printed so many events; never if it ends before. */
  readonly reached: (events: number) => Promise<void>;
}

/** A project with its own cache. */
export interface SoakProject {
  readonly folder: string;
  readonly cache: string;
  /** Runs the pipeline to its end, or until it kills itself; resolves to the exit code, null after a kill. */
  readonly run: (environment?: Readonly<Record<string, string>>) => number | null;
  /** Starts it in a process group of its own. */
  readonly start: () => SoakRun;
  readonly verify: () => VerifyReport;
  /** Runs any command of the command line. */
  readonly command: (...parameters: readonly string[]) => {
    readonly code: number | null;
    readonly output: string;
  };
  /** What the run left: outputs of every commit record by key, verified against their objects, and the published files. */
  readonly results: () => Readonly<Record<string, string>>;
  readonly remove: () => void;
}

export function soakEnvironment(folder: string): NodeJS.ProcessEnv {
  return { ...process.env, RAVELIN_HOME: join(folder, 'home'), RAVELIN_CACHE: '', NO_COLOR: '1' };
}

export function createSoakProject(text = pipeline): SoakProject {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-soak-'));
  const cache = join(folder, '.ravelin');
  writeFileSync(join(folder, 'p.yaml'), text);
  writeFileSync(join(folder, 'package.json'), '{}');
  const environment = soakEnvironment(folder);
  const parameters = [commandLine, 'run', 'p.yaml', '--ui', 'quiet', '-j', '2'];
  return {
    folder,
    cache,
    run: (more = {}) =>
      spawnSync(process.execPath, parameters, { cwd: folder, env: { ...environment, ...more } }).status,
    start() {
      const child = spawn(process.execPath, [commandLine, 'run', 'p.yaml', '--ui', 'json', '-j', '2'], {
        cwd: folder,
        env: environment,
        detached: true,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let events = 0;
      const lines = createInterface({ input: child.stdout }).on('line', () => events++);
      return {
        pid: child.pid!,
        ended: new Promise((done) => child.once('close', (code) => done(code))),
        events: () => events,
        reached: (count) =>
          new Promise((done) =>
            lines.on('line', () => {
              if (events >= count) done();
            }),
          ),
      };
    },
    verify() {
      const { stdout } = spawnSync(process.execPath, [commandLine, 'cache', 'verify', '--json'], {
        cwd: folder,
        env: environment,
        encoding: 'utf8',
      });
      return JSON.parse(stdout) as VerifyReport;
    },
    command(...given) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [commandLine, ...given], {
        cwd: folder,
        env: environment,
        encoding: 'utf8',
      });
      return { code: status, output: stdout + stderr };
    },
    results: () => ({ ...recordedOutputs(cache), ...publishedFiles(join(folder, 'results')) }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function countDamaged(report: VerifyReport): number {
  const { damagedObjects, damagedRecords, damagedCheckpoints, incomplete } = report;
  return damagedObjects.length + damagedRecords.length + damagedCheckpoints.length + incomplete.length;
}

/** Paths of all files in a part of the cache, such as `objects/sha256` or `actions`. */
export function storedFiles(cache: string, kind: string): string[] {
  const root = join(cache, kind);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true })
    .map((name) => join(root, String(name)))
    .filter((path) => statSync(path).isFile() && !path.includes('.tmp-'))
    .sort();
}

/** Outputs of every commit record, by key. */
export function recordedOutputs(cache: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  for (const path of storedFiles(cache, 'actions')) {
    const key = path.split('/').at(-1)!.replace('.json', '');
    const record = parseRecord(readFileSync(path, 'utf8'), key);
    if (record !== null) outputs[key] = JSON.stringify(record.outputs);
  }
  return outputs;
}

function publishedFiles(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'base64')]),
  );
}
