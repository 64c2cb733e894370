import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { decodeSafetensors } from '../../src/values/safetensors.ts';

const cli = resolve('dist/cli.js');

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A project in a folder of its own, run by the real built command line. */
export interface Project {
  readonly folder: string;
  readonly path: (name: string) => string;
  readonly write: (name: string, content: string | Uint8Array) => void;
  readonly run: (...parameters: readonly string[]) => Promise<Outcome>;
  readonly json: (...parameters: readonly string[]) => Promise<unknown>;
}

/** `environment` is added to the environment of every command, and may have the RAVELIN_HOME of this machine. */
export function createProject(
  files: Readonly<Record<string, string>> = {},
  environment: Readonly<Record<string, string>> = {},
): Project {
  if (!existsSync(cli)) throw new Error(`${cli} is missing: npm test builds it first`);
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-cli-'));
  const path = (name: string): string => join(folder, name);
  const project: Project = {
    folder,
    path,
    write(name, content) {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), content);
    },
    async run(...parameters) {
      const result = await execa(process.execPath, [cli, ...parameters], {
        cwd: folder,
        reject: false,
        // No RAVELIN_HOME: the embedded backend, whatever was set up on this machine.
        env: {
          NO_COLOR: '1',
          RAVELIN_CACHE: '',
          RAVELIN_HOME: join(folder, 'home'),
          RAVELIN_TRUST: '1',
          ...environment,
        },
        extendEnv: true,
      });
      return { code: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr };
    },
    async json(...parameters) {
      const { code, stdout, stderr } = await project.run(...parameters);
      if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
      return JSON.parse(stdout) as unknown;
    },
  };
  for (const [name, content] of Object.entries(files)) project.write(name, content);
  return project;
}

export function commandLine(): string {
  return cli;
}

/** Bytes of exported outputs by cell, for comparing runs. */
export async function exportBytes(
  project: Project,
  file: string,
  cells: readonly string[],
  cache = '.ravelin',
): Promise<Record<string, string>> {
  const bytes: Record<string, string> = {};
  for (const cell of cells) {
    const { code, stderr } = await project.run(
      '--cache',
      project.path(cache),
      'export',
      file,
      cell,
      '--to',
      project.path('out'),
    );
    if (code !== 0) throw new Error(stderr);
    for (const line of stderr.split('\n')) {
      const written = /^wrote (.*)$/.exec(line)?.[1];
      if (written !== undefined)
        bytes[written.slice(project.folder.length)] = readFileSync(written).toString('base64');
    }
  }
  return bytes;
}

export function readTensors(path: string): ReturnType<typeof decodeSafetensors>['tensors'] {
  return decodeSafetensors(readFileSync(path)).tensors;
}

export interface PlanJson {
  readonly pipeline: string;
  readonly backend: string;
  readonly backendVersion: string;
  readonly backendChange: { readonly shards: number; readonly message: string } | null;
  readonly cells: readonly {
    readonly cell: string;
    readonly stage: string;
    readonly shards: { readonly total: number; readonly reuse: number; readonly run: number };
    readonly because: readonly string[];
  }[];
  readonly totals: {
    readonly cells: number;
    readonly shards: number;
    readonly reuse: number;
    readonly run: number;
  };
}

/** A small real pipeline: MNIST, a tiny network, both attacks, defenses, scores. Runs in two to three seconds. */
export const realPipeline = `ravelin: 1
name: real
seed: 3
params:
  images: 60
  bits: 3
defaults: { shard: 16 }
stages:
  training: { uses: dataset/mnist, with: { split: train, limit: 300 } }
  digits: { uses: dataset/mnist, with: { split: test, limit: $(params.images) } }
  network: { uses: model/cnn, with: { filters: [4], dense: [16] } }
  classifier:
    uses: train/sgd
    in: { model: network, images: training }
    with: { epochs: 4, batchSize: 50, augment: { crop: 2 } }
  adversarial:
    in: { model: classifier, images: digits }
    matrix:
      attack:
        epsilon: { uses: attack/fgsm, with: { epsilon: 32/255 } }
        target: { uses: attack/fgsm, with: { dissimilarity: 0.2 } }
        iterated: { uses: attack/i-fgsm, with: { dissimilarity: 0.2, steps: 3 } }
  defended:
    in: { images: adversarial }
    store: always
    matrix:
      defense:
        bits: { uses: defense/bit-depth, with: { bits: $(params.bits) } }
        jpeg: { uses: defense/jpeg }
  predictions: { uses: predict/classify, in: { model: classifier, images: defended } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions, originals: digits } }
  table:
    uses: report/table
    in: { scores: { from: scores, collect: all } }
    with: { rows: [attack], columns: defense, value: accuracy }
    publish: results/table.md
`;
