import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createProject, type PlanJson, readTensors, realPipeline } from './ravelin.ts';

const project = createProject({ 'p.yaml': realPipeline });

beforeAll(async () => {
  const { code, stderr } = await project.run('run', 'p.yaml', '--ui', 'plain');
  expect({ code, stderr }).toMatchObject({ code: 0 });
});

describe('the stable surfaces', () => {
  it('plan --json has cells with shards and reasons, and totals', async () => {
    const plan = (await project.json('plan', 'p.yaml', '--json')) as PlanJson;
    expect(plan.pipeline).toBe('real');
    expect(plan.totals).toEqual({
      cells: 36,
      parts: 10,
      shards: plan.totals.shards,
      reuse: plan.totals.shards,
      run: 0,
    });
    expect(plan.cells.find(({ cell }) => cell === 'defended[attack=epsilon,defense=bits]')).toEqual({
      cell: 'defended[attack=epsilon,defense=bits]',
      stage: 'defended',
      axes: { attack: 'epsilon', defense: 'bits' },
      shards: { total: 4, reuse: 4, run: 0 },
      because: [],
    });
  });

  it('logs takes the pipeline before the cell, as why and export do', async () => {
    const alone = await project.run('logs', 'classifier');
    expect(alone.stdout).toContain('epoch 1');
    expect(await project.run('logs', 'p.yaml', 'classifier')).toEqual(alone);
    project.write('other.yaml', readFileSync(join(project.folder, 'p.yaml'), 'utf8'));
    expect(await project.run('logs', 'other.yaml', 'classifier')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no run of other.yaml has a cell 'classifier'") as string,
    });
    expect(await project.run('logs', 'p.yaml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no cell was given after p.yaml') as string,
    });
  });

  it('run --ui json prints one event a line, the last one run-finished, and nothing else on stdout', async () => {
    const { code, stdout } = await project.run('run', 'p.yaml', '--ui', 'json');
    const events = stdout.split('\n').map((line) => JSON.parse(line) as { v: number; type: string });
    expect(code).toBe(0);
    expect(events[0]).toMatchObject({ v: 1, type: 'run-started' });
    expect(events.at(-1)).toMatchObject({
      v: 1,
      type: 'run-finished',
      status: 'ok',
      totals: { cells: 36, ran: 0, failed: 0 },
    });
  });

  it('metrics --json has a row a cell, axes and numbers side by side', async () => {
    const rows = (await project.json('metrics', '--json')) as Record<string, unknown>[];
    expect(rows).toHaveLength(6);
    for (const row of rows) {
      expect(row).toMatchObject({ stage: 'scores', n: 60 });
      expect(Object.keys(row)).toEqual(
        expect.arrayContaining([
          'attack',
          'defense',
          'accuracyLow',
          'accuracyHigh',
          'successRate',
          'l2',
          'linf',
        ]),
      );
      expect(row['accuracyLow']).toBeLessThanOrEqual(row['accuracy'] as number);
      if (row['attack'] !== 'epsilon') expect(row['dissimilarity']).toBeCloseTo(0.2, 2);
    }
    const { stdout } = await project.run('metrics', '--csv');
    expect(stdout.split('\r\n')[0]).toContain('accuracy');
  });

  it('export writes tensors that dataset/safetensors reads back', async () => {
    const cell = 'defended[attack=target,defense=bits]';
    for (const extension of ['safetensors', 'npz', 'png']) {
      expect((await project.run('export', 'p.yaml', cell, '--to', `x.${extension}`)).code).toBe(0);
    }
    expect(
      (await project.run('export', 'p.yaml', 'predictions[attack=target,defense=bits]', '--to', 'y.csv'))
        .code,
    ).toBe(0);
    const { images, labels, ids } = readTensors(project.path('x.safetensors'));
    expect(images).toMatchObject({ dtype: 'F32', shape: [60, 28, 28, 1] });
    expect(labels).toMatchObject({ dtype: 'I32', shape: [60] });
    expect(ids).toMatchObject({ shape: [60] });
    expect(Math.max(...images!.data)).toBeLessThanOrEqual(1);
    project.write(
      'back.yaml',
      'ravelin: 1\nname: back\nstages:\n  a: { uses: dataset/safetensors, with: { path: x.safetensors } }\n',
    );
    expect((await project.run('run', 'back.yaml', '--ui', 'quiet')).code).toBe(0);
    expect((await project.run('export', 'back.yaml', 'a', '--to', 'z.safetensors')).code).toBe(0);
    expect(readTensors(project.path('z.safetensors'))['images']).toEqual(images);
    expect(readTensors(project.path('z.safetensors'))['labels']).toEqual(labels);
  });

  it('an exported .npz is read by NumPy', async () => {
    await project.run('export', 'p.yaml', 'digits', '--to', 'd.npz');
    const script =
      "import numpy as n; d = n.load('d.npz'); print(d['images'].shape, d['images'].dtype, d['labels'][:3].tolist())";
    let text: string;
    try {
      text = execFileSync('python3', ['-c', script], {
        cwd: project.folder,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    } catch (error) {
      if (!String((error as { stderr?: unknown }).stderr ?? error).match(/No module named|ENOENT/))
        throw error;
      process.stderr.write('SKIPPED: no python3 with numpy here, the .npz was not read by NumPy\n');
      return;
    }
    expect(text.trim()).toBe('(60, 28, 28, 1) float32 [7, 2, 1]');
  });

  it('doctor --json lists backends', async () => {
    expect(await project.json('doctor', '--json')).toMatchObject({
      node: process.versions.node,
      backends: expect.arrayContaining([
        expect.objectContaining({
          name: 'wasm',
          ready: true,
          device: 'cpu',
          memoryBytes: 2 ** 32,
          threadsPerWorker: 1,
          fix: null,
        }),
        // The project's RAVELIN_HOME is empty.
        expect.objectContaining({
          name: 'tensorflow',
          ready: false,
          why: 'TensorFlow is not set up',
          fix: 'run ravelin setup tensorflow',
        }),
      ]) as unknown,
    });
  });
});

describe('the other commands', () => {
  it.each([
    [['stages']],
    [['stages', 'attack/fgsm']],
    [['stages', '--json']],
    [['explain']],
    [['explain', 'unknown-param']],
    [['status', 'p.yaml']],
    [['why', 'p.yaml', 'scores']],
    [['dag', 'p.yaml']],
    [['dag', 'p.yaml', '--mermaid']],
    [['dag', 'p.yaml', '--dot', '--expand']],
    [['runs', 'ls']],
    [['runs', 'show']],
    [['logs', 'adversarial[attack=target]']],
    [['cache', 'du']],
    [['cache', 'ls']],
    [['cache', 'verify']],
    [['cache', 'gc', '-n']],
    [['completion', 'zsh']],
    [['completion', 'fish']],
    [['--help']],
  ])('%j prints something and succeeds', async (parameters) => {
    const { code, stdout } = await project.run(...parameters);
    expect(code).toBe(0);
    expect(stdout.trim()).not.toBe('');
  });

  it('help takes the words of a command of a command', async () => {
    const { stdout } = await project.run('help', 'weights', 'fetch');
    expect(stdout).toMatch(/^Usage: ravelin weights fetch/);
    expect(stdout).toBe((await project.run('weights', 'fetch', '--help')).stdout);
  });

  it('init writes a pipeline that validates', async () => {
    const fresh = createProject();
    expect((await fresh.run('init')).code).toBe(0);
    expect((await fresh.run('validate', 'pipeline.ravelin.yaml')).code).toBe(0);
    expect((await fresh.run('init')).code).toBe(2);
  });

  it('completion prints a script that bash accepts', async () => {
    const { stdout } = await project.run('completion', 'bash');
    project.write('completion.bash', stdout);
    execFileSync('bash', ['-n', project.path('completion.bash')]);
    const complete = `source completion.bash; COMP_WORDS=(ravelin cache g); COMP_CWORD=2; _ravelin; echo "\${COMPREPLY[@]}"`;
    expect(execFileSync('bash', ['-c', complete], { cwd: project.folder, encoding: 'utf8' }).trim()).toBe(
      'gc',
    );
  });

  it('watch replays a finished run', async () => {
    await project.run('run', 'p.yaml', '--ui', 'quiet');
    const { code, stderr } = await project.run('watch', '--ui', 'plain');
    expect(code).toBe(0);
    expect(stderr).toContain('real: ok · 26 cells and 10 parts');
  });

  it('runs can be pinned and removed', async () => {
    const [latest] = ((await project.json('runs', 'ls', '--json')) as { run: string }[]).map(
      ({ run }) => run,
    );
    expect((await project.run('runs', 'pin', latest!)).code).toBe(0);
    expect((await project.run('runs', 'rm', latest!)).code).toBe(2);
    expect((await project.run('runs', 'pin', '--remove', latest!)).code).toBe(0);
    expect((await project.run('runs', 'rm', latest!)).code).toBe(0);
  });
});

describe('damage', () => {
  it('in the cache is found by verify, healed by the next run, and never served', async () => {
    const before = await project.run(
      'export',
      'p.yaml',
      'defended[attack=epsilon,defense=bits]',
      '--to',
      'before.safetensors',
    );
    expect(before.code).toBe(0);
    const objects = join(project.folder, '.ravelin/objects/sha256');
    const paths = readdirSync(objects).flatMap((prefix) =>
      readdirSync(join(objects, prefix)).map((name) => join(objects, prefix, name)),
    );
    for (const path of paths.filter((_, index) => index % 3 === 0)) {
      const bytes = readFileSync(path);
      bytes[Math.floor(bytes.length / 2)]! ^= 4;
      writeFileSync(path, bytes);
    }
    const { code, stdout } = await project.run('cache', 'verify');
    expect(code).toBe(5);
    expect(stdout).toContain('damaged object');
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    expect((await project.run('cache', 'verify')).code).toBe(0);
    await project.run(
      'export',
      'p.yaml',
      'defended[attack=epsilon,defense=bits]',
      '--to',
      'after.safetensors',
    );
    expect(readFileSync(project.path('after.safetensors'))).toEqual(
      readFileSync(project.path('before.safetensors')),
    );
  });
});
