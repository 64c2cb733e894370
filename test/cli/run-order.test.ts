import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { commandLine, createProject, type Project } from './ravelin.ts';

const pipeline = `ravelin: 1
name: p
params: { bits: 3 }
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 4 } }
  reduced: { uses: defense/bit-depth, in: { images: digits }, with: { bits: $(params.bits) } }
`;

/** A process whose clock is ahead, as faketime makes one. */
const clockAhead = `
const ahead = 400 * 86_400_000;
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + ahead);
    else super(...given);
  }
  static now() {
    return RealDate.now() + ahead;
  }
};
`;

async function runInTheFuture(project: Project, ...parameters: readonly string[]): Promise<void> {
  project.write('ahead.cjs', clockAhead);
  const { exitCode, stderr } = await execa(
    process.execPath,
    [commandLine(), 'run', ...parameters, '--ui', 'quiet'],
    {
      cwd: project.folder,
      reject: false,
      env: {
        NO_COLOR: '1',
        RAVELIN_HOME: project.path('home'),
        RAVELIN_CACHE: '',
        NODE_OPTIONS: `--require ${project.path('ahead.cjs')}`,
      },
    },
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
}

const runIds = async (project: Project): Promise<string[]> =>
  ((await project.json('runs', 'ls', '--json')) as { run: string }[]).map(({ run }) => run);

describe('after a run whose clock was 400 days ahead', () => {
  it('the next run is the latest, and what it needs is kept', async () => {
    const project = createProject({ 'p.yaml': pipeline });
    await runInTheFuture(project, 'p.yaml', '-S', 'params.bits=1');
    expect((await project.run('run', 'p.yaml', '-S', 'params.bits=8', '--ui', 'quiet')).code).toBe(0);
    const ids = await runIds(project);
    expect(ids).toHaveLength(2);
    expect(await runIds(project)).toEqual([...ids].sort());
    expect((await project.run('watch', '--ui', 'json')).stdout).toContain(`"run":"${ids[1]!}"`);
    const { stdout } = await project.run('cache', 'gc', '--max-size', '1B');
    expect(stdout).toContain('removed 1 entries');
    const plans = await Promise.all(
      [1, 8].map((bits) => project.run('plan', 'p.yaml', '-S', `params.bits=${bits}`)),
    );
    expect(plans.map((plan) => /\d reused, \d to run/.exec(plan.stdout)?.[0])).toEqual([
      '1 reused, 1 to run',
      '2 reused, 0 to run',
    ]);
  });

  it('nothing has been collected as too old by that clock', async () => {
    const project = createProject({ 'p.yaml': pipeline });
    for (const bits of [1, 2]) {
      const { code } = await project.run('run', 'p.yaml', '-S', `params.bits=${bits}`, '--ui', 'quiet');
      expect(code).toBe(0);
    }
    await runInTheFuture(project, 'p.yaml', '-S', 'params.bits=4');
    expect((await project.run('plan', 'p.yaml', '-S', 'params.bits=1')).stdout).toContain(
      '2 reused, 0 to run',
    );
  });
});

it('a run on another host that gives no sign of life is unknown and not killed', async () => {
  const project = createProject({ 'p.yaml': pipeline });
  expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
  const [id] = await runIds(project);
  const path = project.path(`.ravelin/runs/${id!}/events.jsonl`);
  const [first] = readFileSync(path, 'utf8').split('\n');
  writeFileSync(
    path,
    `${JSON.stringify({ ...(JSON.parse(first!) as object), host: 'elsewhere', check: undefined })}\n`,
  );
  expect((await project.run('runs')).stdout).toContain('unknown (it was on elsewhere)');
  expect((await project.run('runs', 'show')).stdout).toMatch(/status +unknown \(it was on elsewhere\)/);
  expect(await project.json('runs', 'show', '--json')).toMatchObject({
    status: 'unknown',
    host: 'elsewhere',
  });
});

it('a project that was copied or moved finds its runs by the name of the pipeline', async () => {
  const project = createProject({ 'here/p.yaml': pipeline });
  const run = await project.run('run', 'here/p.yaml', '--ui', 'quiet');
  expect(run).toMatchObject({ code: 0 });
  cpSync(project.path('here'), project.path('copy'), { recursive: true });
  renameSync(project.path('here'), project.path('moved'));
  for (const place of ['copy', 'moved']) {
    const file = `${place}/p.yaml`;
    const shown = await project.run('runs', 'ls', '--pipeline', file);
    expect(shown.stdout.split('\n')).toHaveLength(2);
    expect(await project.run('metrics', file)).toMatchObject({ code: 0 });
    const { started } = (await project.json('--cache', `${place}/.ravelin`, 'runs', 'show', '--json')) as {
      readonly started: { readonly file: string };
    };
    expect(started.file).toBe(project.path(file));
  }
  // The cache alone, elsewhere: the pipeline is where it was.
  mkdirSync(project.path('backup'));
  renameSync(project.path('moved/.ravelin'), project.path('backup/.ravelin'));
  const { started } = (await project.json('--cache', 'backup/.ravelin', 'runs', 'show', '--json')) as {
    readonly started: { readonly file: string };
  };
  expect(started.file).toBe(project.path('here/p.yaml'));
});

it('status shows the latest run and the scores of its own pipeline', async () => {
  const scored = (name: string): string => `ravelin: 1
name: ${name}
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 8 } }
  network: { uses: model/cnn, with: { filters: [2], dense: [8] } }
  classifier: { uses: train/sgd, in: { model: network, images: digits }, with: { epochs: 1 } }
  reduced: { uses: defense/bit-depth, in: { images: digits }, with: { bits: $(axes.bits) }, matrix: { bits: [1, 8] } }
  predictions: { uses: predict/classify, in: { model: classifier, images: reduced } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions, originals: digits } }
`;
  const project = createProject({ 'a.yaml': scored('a'), 'b.yaml': pipeline });
  const before = (await project.json('status', 'a.yaml', '--json')) as object;
  expect(before).toMatchObject({ latestRun: null, latestRunStatus: null, scores: [] });
  for (const file of ['a.yaml', 'b.yaml'])
    expect((await project.run('run', file, '--ui', 'quiet')).code).toBe(0);
  const [first, second] = await runIds(project);
  const status = (await project.json('status', 'a.yaml', '--json')) as { scores: object[] };
  expect(status).toMatchObject({ latestRun: first, latestRunStatus: 'ok' });
  expect(status.scores).toMatchObject([
    { stage: 'scores', cell: 'scores[bits=1]', bits: 1, n: 8 },
    { stage: 'scores', cell: 'scores[bits=8]', bits: 8, n: 8 },
  ]);
  const { stdout } = await project.run('status', 'a.yaml');
  expect(stdout).toMatch(/^scores\[bits=1\] +accuracy \d+\.\d %$/m);
  expect(stdout).toContain(`latest run ${first!}: ok`);
  expect((await project.run('status', 'b.yaml')).stdout).toContain(`latest run ${second!}: ok`);
});
