import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { backendChoices } from '../../src/dsl/schema/pipeline-schema.ts';
import { compiledBinding, ravelinHome, readyFile, tensorflowFolder } from '../../src/setup/locations.ts';
import { backendNames } from '../../src/tensors/backend.ts';
import { readyBackends } from '../tensors/backends.ts';
import { createProject, type PlanJson, type Project } from './ravelin.ts';

const pipeline = (...more: readonly string[]): string => `ravelin: 1
name: small
${more.join('\n')}
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 20 }, shard: 10 }
  network: { uses: model/cnn, with: { filters: [2], dense: [] } }
  adversarial: { uses: attack/fgsm, in: { model: network, images: digits }, with: { epsilon: 0.1 }, shard: 10 }
  predictions: { uses: predict/classify, in: { model: network, images: adversarial }, shard: 10 }
`;
const toTensorflow =
  "The backend changes from wasm to tensorflow, so 6 shards with results from wasm are computed again; --backend wasm, or 'backend: wasm' in the pipeline, reuses them.";

/** Makes a folder look like a TensorFlow that was set up, which is all that planning needs. */
function pretendTensorflow(home: string, { gpu = false } = {}): void {
  const folder = join(home, basename(tensorflowFolder(gpu)));
  const binding = compiledBinding(folder);
  mkdirSync(dirname(binding), { recursive: true });
  writeFileSync(binding, '');
  writeFileSync(readyFile(folder), '{}');
}

async function plan(project: Project, ...parameters: readonly string[]): Promise<PlanJson> {
  return (await project.json('plan', 'p.yaml', '--json', ...parameters)) as PlanJson;
}

function memories(project: Project): readonly string[] {
  const folder = project.path('.ravelin/last');
  return readdirSync(folder)
    .filter((name) => name.endsWith('backends.json'))
    .map((name) => join(folder, name));
}

it('the pipeline, the command line and this machine know the same backends', async () => {
  expect([...backendChoices].sort()).toEqual(['auto', ...backendNames()].sort());
  const { stdout } = await createProject().run('help', 'run');
  for (const name of backendChoices) expect(stdout).toContain(`"${name}"`);
});

it('a backend that a pipeline names and that is not there is an error with two ways out, and dag needs none', async () => {
  const project = createProject({ 'p.yaml': pipeline('backend: tensorflow') });
  const { code, stderr } = await project.run('run', 'p.yaml');
  expect(code).toBe(2);
  expect(stderr).toMatch(/the tensorflow backend, which the pipeline names, is not ready: .*\n {2}fix: /);
  expect(stderr).toContain('or give --backend auto');
  expect((await project.run('dag', 'p.yaml')).code).toBe(0);
  expect((await project.run('validate', 'p.yaml')).code).toBe(0);
});

describe('a pipeline that has run on wasm before TensorFlow came', () => {
  const project = createProject({ 'p.yaml': pipeline() });

  beforeAll(async () => {
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    pretendTensorflow(project.path('home'));
  });

  it('stays on wasm, and plan and status say so', async () => {
    expect(await plan(project)).toMatchObject({ backend: 'wasm', backendChange: null, totals: { run: 0 } });
    const line =
      /^backend wasm \S+, that of the last run; tensorflow is ready too \(--backend tensorflow\)$/m;
    expect((await project.run('plan', 'p.yaml')).stdout).toMatch(line);
    expect((await project.run('status', 'p.yaml')).stdout).toMatch(line);
    expect((await project.run('run', 'p.yaml', '--ui', 'plain')).stderr).toMatch(
      / · wasm · .* 0 to run\n(?!.*backend)/,
    );
  });

  it('is said to cost the shards that have results from wasm, before it moves', async () => {
    const planned = await plan(project, '--backend', 'tensorflow');
    expect(planned).toMatchObject({ backend: 'tensorflow', totals: { run: 6, reuse: 3 } });
    expect(planned.backendChange).toMatchObject({ shards: 6, message: toTensorflow });
    expect((await project.run('plan', 'p.yaml', '--backend', 'tensorflow')).stdout).toContain(toTensorflow);
    const status = await project.run('status', 'p.yaml', '--backend', 'tensorflow');
    expect(status.stdout).toMatch(/^backend tensorflow \S+, as the command line says$/m);
    expect(status.stdout).toContain(toTensorflow);
    const exported = await project.run(
      'export',
      'p.yaml',
      'predictions',
      '--to',
      'x',
      '--backend',
      'tensorflow',
    );
    expect(exported.code).toBe(1);
    expect(exported.stderr).toContain('The backend changes from wasm to tensorflow');
    // A plan of what does not compute on the backend has nothing to say.
    expect((await plan(project, 'digits', '--backend', 'tensorflow')).backendChange).toBeNull();
  });

  it('follows the command line, then the profile, then the pipeline, then its last run', async () => {
    project.write('p.yaml', pipeline('backend: tensorflow', 'profiles: { small: { backend: wasm } }'));
    const backendOf = async (...parameters: readonly string[]): Promise<string> =>
      (await plan(project, ...parameters)).backend;
    expect(await backendOf()).toBe('tensorflow');
    expect(await backendOf('-p', 'small')).toBe('wasm');
    expect(await backendOf('-p', 'small', '--backend', 'tensorflow')).toBe('tensorflow');
    expect(await backendOf('--backend', 'auto')).toBe('wasm');
    expect((await project.run('plan', 'p.yaml')).stdout).toContain(toTensorflow);
    project.write('p.yaml', pipeline());
  });

  it('stays on wasm under another name, and in another cache is on the best', async () => {
    project.write('q.yaml', pipeline());
    const { stdout } = await project.run('plan', 'q.yaml');
    expect(stdout).toMatch(/^backend wasm \S+, that of the last run in this cache; /m);
    expect(stdout).toContain('9 reused, 0 to run');
    const moved = await project.run('plan', 'q.yaml', '--backend', 'tensorflow');
    expect(moved.stdout).toContain('6 shards have results from wasm and are computed again on tensorflow; ');
    const other = await project.run('--cache', project.path('other'), 'plan', 'p.yaml');
    expect(other.stdout).toMatch(/^backend tensorflow \S+, the best that is ready here$/m);
    expect(other.stdout).not.toContain('changes');
  });

  it('finds its backend in the records of its last run if the memory is gone, damaged or hostile', async () => {
    for (const path of memories(project)) rmSync(path);
    expect((await plan(project)).backend).toBe('wasm');
    const used = [{ backend: 'tensorflow', version: '\u001b[2J' }, { backend: '../..' }, null, 7];
    for (const content of ['{"format":1,', JSON.stringify({ format: 1, used }), ' '.repeat(1e6)]) {
      project.write('.ravelin/last/backends.json', content);
      expect(await plan(project)).toMatchObject({ backend: 'wasm', backendChange: null });
    }
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    expect(memories(project)).toHaveLength(2);
  });

  it('goes on with the best, and says what that costs, if the backend of its last run is unknown here', async () => {
    const [{ version }] = [{ version: (await plan(project)).backendVersion }];
    for (const path of memories(project)) {
      const used = [
        { backend: 'quantum', version: '1' },
        { backend: 'wasm', version },
      ];
      writeFileSync(path, JSON.stringify({ format: 1, used }));
    }
    const { stdout } = await project.run('plan', 'p.yaml');
    expect(stdout).toMatch(/^backend tensorflow \S+, the best that is ready here$/m);
    expect(stdout).toContain('6 shards have results from wasm and are computed again on tensorflow; ');
  });
});

describe('under `numerics: shared`', () => {
  const project = createProject({ 'p.yaml': pipeline('numerics: shared') });

  it('another backend costs no shard, which is said only if something is left to compute on it', async () => {
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    pretendTensorflow(project.path('home'));
    expect(await plan(project, '--backend', 'tensorflow')).toMatchObject({
      backendChange: null,
      totals: { run: 0 },
    });
    project.write('p.yaml', pipeline('numerics: shared').replace('limit: 20', 'limit: 30'));
    const { backendChange, totals } = await plan(project, '--backend', 'tensorflow');
    expect(totals).toMatchObject({ run: 4 });
    expect(backendChange).toMatchObject({
      shards: 0,
      message:
        "The backend changes from wasm to tensorflow, which costs no shard; --backend wasm, or 'backend: wasm' in the pipeline, returns to it.",
    });
  });
});

const hasTensorflow = readyBackends.includes('tensorflow');
if (!hasTensorflow)
  process.stderr.write('SKIPPED: no TensorFlow here, no pipeline was moved between backends\n');

describe.runIf(hasTensorflow)('a pipeline that moves from wasm to tensorflow', () => {
  const project = createProject({ 'p.yaml': pipeline() }, { RAVELIN_HOME: ravelinHome() });
  /** The same project on a machine without TensorFlow. */
  const without: Project = createProject({}, { RAVELIN_HOME: join(project.folder, 'nowhere') });

  it('announces it before anything starts, and then stays there', async () => {
    expect((await project.run('run', 'p.yaml', '--backend', 'wasm', '--ui', 'quiet')).code).toBe(0);
    const { code, stderr } = await project.run('run', 'p.yaml', '--backend', 'tensorflow', '--ui', 'plain');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr.split('\n')[1]).toBe(`[00:00] backend  ${toTensorflow}`);
    expect(await plan(project)).toMatchObject({
      backend: 'tensorflow',
      backendChange: null,
      totals: { run: 0 },
    });
  });

  it('announces in every display that the numbers change, although going back costs no shard', async () => {
    const message =
      "The backend changes from tensorflow to wasm, which costs no shard and replaces 6 results; --backend tensorflow, or 'backend: tensorflow' in the pipeline, returns to it.";
    const { stdout, stderr } = await project.run('run', 'p.yaml', '--backend', 'wasm', '--ui', 'json');
    const events = stdout.split('\n').map((line) => JSON.parse(line) as { type: string });
    expect(events[1]).toMatchObject({
      type: 'backend-changed',
      from: { backend: 'tensorflow' },
      to: { backend: 'wasm' },
      shards: 0,
      message,
    });
    expect(stderr).toBe(message);
    const quiet = await project.run('run', 'p.yaml', '--backend', 'tensorflow', '--ui', 'quiet');
    expect(quiet.stderr).toContain('The backend changes from wasm to tensorflow, which costs no shard');
  });

  it('says which results it passes over after a try of something else on another backend', async () => {
    project.write('p.yaml', pipeline().replace('epsilon: 0.1', 'epsilon: 0.2'));
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    const tried = await project.run('run', 'p.yaml', '-j', '1', '--backend', 'wasm', '--ui', 'plain');
    expect(tried.stderr).toContain('so 4 shards with results from tensorflow are computed again');
    // The first epsilon again: wasm has all its results, so nothing is passed over.
    project.write('p.yaml', pipeline());
    expect(await plan(project)).toMatchObject({ backend: 'wasm', backendChange: null, totals: { run: 0 } });
  });

  it('goes back to wasm where TensorFlow is not there, and says how to get it', async () => {
    expect((await project.run('run', 'p.yaml', '--backend', 'tensorflow', '--ui', 'quiet')).code).toBe(0);
    const { stdout } = await without.run('status', project.path('p.yaml'));
    expect(stdout).toMatch(/^backend wasm \S+, the best that is ready here$/m);
    expect(stdout).toContain('The backend changes from tensorflow to wasm, which costs no shard');
    expect(stdout).toContain(
      'tensorflow is not ready here (TensorFlow is not set up; run ravelin setup tensorflow)',
    );
  });

  it('announces another version of the backend if it costs shards', async () => {
    const home = project.path('two');
    mkdirSync(home);
    symlinkSync(tensorflowFolder(false), join(home, basename(tensorflowFolder(false))));
    pretendTensorflow(home, { gpu: true });
    const newer = createProject({}, { RAVELIN_HOME: home });
    const { stdout } = await newer.run('plan', project.path('p.yaml'));
    expect(stdout).toMatch(
      /^The version of tensorflow changes from (\S+) to (\S+)-gpu\+\d+, so 6 shards with results from \1 are computed again; only tensorflow \1 reuses them\.$/m,
    );
  });
});
