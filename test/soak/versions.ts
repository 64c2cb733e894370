/**
 * Lets another version of ravelin and this one take turns on one cache: neither may fail, and each must give the results
 * that it gives on a cache of its own. The other version is built from its commit in a work tree beside this one, with
 * the packages that are installed here.
 *
 *   npm run soak -- versions COMMIT [rounds = 3]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { commandLine, soakEnvironment, storedFiles } from './project.ts';

export interface VersionsReport {
  readonly commit: string;
  /** Commands that were run on the shared cache. */
  readonly commands: number;
  /** Files of results that were compared. */
  readonly compared: number;
  readonly wrong: readonly string[];
}

/** Whole and sharded stages, a training with checkpoints, a recipe applied on the fly, a report and a figure, for two versions. */
const pipeline = (bits: number): string => `ravelin: 1
name: soak
seed: 3
params: { bits: ${bits} }
defaults: { shard: 8 }
stages:
  images: { uses: dataset/mnist, with: { split: test, limit: 40 } }
  network: { uses: model/cnn, with: { height: 28, width: 28, channels: 1, filters: [2], dense: [] } }
  classifier: { uses: train/sgd, with: { epochs: 3, batchSize: 8 }, in: { model: network, images: images } }
  adversarial:
    uses: attack/fgsm
    in: { model: classifier, images: images }
    matrix: { strength: [0.02, 0.05] }
    with: { dissimilarity: $(axes.strength) }
  defended: { uses: defense/bit-depth, with: { bits: $(params.bits) }, in: { images: adversarial }, store: always }
  predictions: { uses: predict/classify, in: { model: classifier, images: defended } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions, originals: images }, publish: { metrics: results/scores-$(axes.strength).json } }
  table:
    uses: report/table
    in: { scores: { from: scores, collect: all } }
    with: { rows: [strength], value: accuracy }
    publish: results/table.md
`;

/** What else a person does with a cache; the other version may not know a command, but no file of this one may stop it. */
const readers: readonly (readonly string[])[] = [
  ['status', 'p.yaml'],
  ['plan', 'p.yaml'],
  ['why', 'p.yaml', 'table'],
  ['runs', 'ls'],
  ['runs', 'show'],
  ['metrics'],
  ['cache', 'verify'],
  ['cache', 'du'],
  ['cache', 'gc', '-n'],
];

interface Version {
  readonly name: string;
  readonly commandLine: string;
}

export function soakVersions(commit: string, rounds: number, say: (line: string) => void): VersionsReport {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-versions-'));
  const tree = join(folder, 'other');
  try {
    const other: Version = { name: commit, commandLine: buildOther(commit, tree, say) };
    const own: Version = { name: 'this version', commandLine };
    return takeTurns([own, other], join(folder, 'work'), rounds, say);
  } finally {
    git('worktree', 'remove', '--force', tree);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns the command line of the other version. Throws if the commit does not exist or cannot be built. */
function buildOther(commit: string, tree: string, say: (line: string) => void): string {
  const built = git('worktree', 'add', '--detach', tree, commit);
  if (built.status !== 0) throw new Error(`there is no work tree of ${commit}: ${built.stderr}`);
  symlinkSync(resolve('node_modules'), join(tree, 'node_modules'));
  say(`building ${commit}`);
  execFileSync(process.execPath, ['scripts/build.mjs'], {
    cwd: tree,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return join(tree, 'dist/cli.js');
}

function takeTurns(
  versions: readonly Version[],
  folder: string,
  rounds: number,
  say: (line: string) => void,
): VersionsReport {
  const wrong: string[] = [];
  let commands = 0;
  let compared = 0;
  const run = (version: Version, at: string, ...parameters: readonly string[]): void => {
    commands++;
    const { status, stdout, stderr } = spawnSync(process.execPath, [version.commandLine, ...parameters], {
      cwd: at,
      env: { ...soakEnvironment(folder), RAVELIN_TRUST: '1' },
      encoding: 'utf8',
    });
    const output = stdout + stderr;
    if (status !== 0 || /error in ravelin|a mistake in ravelin|damaged|^\s+at .*:\d+:\d+\)?$/m.test(output))
      wrong.push(
        `${version.name}: ${parameters.join(' ')} ended with ${String(status)}:\n${output.slice(-2000)}`,
      );
  };
  // Alone on a cache of its own, each version says what is right for it.
  const right = new Map<string, Readonly<Record<string, string>>>();
  for (const [index, version] of versions.entries()) {
    for (const bits of [2, 3]) {
      const alone = createProject(join(folder, `alone-${index}-${bits}`), bits);
      run(version, alone, 'run', 'p.yaml', '--ui', 'quiet', '-j', '2');
      right.set(`${version.name} ${bits}`, resultsOf(alone));
    }
  }
  // The same files in one place: the version that comes first changes every round.
  const shared = createProject(join(folder, 'shared'), 2);
  for (let round = 0; round < rounds; round++) {
    const bits = 2 + (round % 2);
    writeFileSync(join(shared, 'p.yaml'), pipeline(bits));
    for (const version of round % 2 === 0 ? versions : [...versions].reverse()) {
      // What a version has published the other one may be told about, but that is a question of the place.
      rmSync(join(shared, 'results'), { recursive: true, force: true });
      run(version, shared, 'run', 'p.yaml', '--ui', 'quiet', '-j', '2');
      const expected = right.get(`${version.name} ${bits}`)!;
      const found = resultsOf(shared);
      for (const name of new Set([...Object.keys(expected), ...Object.keys(found)])) {
        compared++;
        if (expected[name] !== found[name]) wrong.push(`${version.name}: another ${name} in round ${round}`);
      }
      for (const reader of readers) run(version, shared, ...reader);
    }
    say(
      `round ${round + 1} of ${rounds}: ${commands} commands, ${compared} files compared, ${wrong.length} wrong`,
    );
  }
  if (compared === 0) wrong.push('no version published a result');
  if (storedFiles(join(shared, '.ravelin'), 'quarantine').length > 0)
    wrong.push('something of one version was taken for damaged by the other');
  return { commit: versions[1]!.name, commands, compared, wrong };
}

function createProject(folder: string, bits: number): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'p.yaml'), pipeline(bits));
  writeFileSync(join(folder, 'package.json'), '{}');
  return folder;
}

/** The published files by name: bytes of what the version computed. */
function resultsOf(folder: string): Readonly<Record<string, string>> {
  const results = join(folder, 'results');
  if (!existsSync(results)) return {};
  return Object.fromEntries(
    readdirSync(results).map((name) => [name, readFileSync(join(results, name), 'base64')]),
  );
}

function git(...parameters: readonly string[]): { readonly status: number | null; readonly stderr: string } {
  return spawnSync('git', parameters, { encoding: 'utf8' });
}
