import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listRuns, readLedger } from '../../src/runtime/run/read-ledger.ts';
import { encodeSafetensors } from '../../src/values/safetensors.ts';
import type { RunEvent } from '../../src/runtime/events.ts';
import { ravelinHome } from '../../src/setup/locations.ts';
import { readyBackends } from '../tensors/backends.ts';
import { hasTerminals, openTerminal } from '../terminal/terminal.ts';
import { commandLine, createProject, exportBytes, type Project } from '../cli/ravelin.ts';
import { startCluster, whyNoCluster, type Cluster } from './cluster.ts';

const missing = whyNoCluster();
const required = process.env['RAVELIN_REQUIRE_SLURM'] === '1';
if (missing !== null && !required) console.warn(`SKIPPED: the Slurm executor is not tested: ${missing}`);

const large = process.env['RAVELIN_TEST_LARGE'] === '1';

/** `shards` sleeps of `ms` each, behind one source, with a poll that a real cluster would not like. */
const pipeline = (cells: number, ms: number): string => `ravelin: 1
name: cluster
executor: { uses: slurm, poll: 1s }
stages:
  waits:
    uses: debug/sleep
    with: { ms: $(axes.ms) }
    matrix: { ms: [${Array.from({ length: cells }, (_, cell) => ms + cell).join(', ')}] }
`;

const realWork = (executor: string): string => `ravelin: 1
name: real
executor: ${executor}
defaults: { shard: 16 }
stages:
  images: { uses: dataset/mnist, with: { split: test, limit: 64 } }
  network: { uses: model/cnn, with: { height: 28, width: 28, channels: 1, filters: [2], dense: [] } }
  adversarial: { uses: attack/fgsm, with: { dissimilarity: 0.2 }, in: { model: network, images: images } }
  patches: { uses: defense/patch-database, with: { patches: 2000 }, in: { images: images } }
  recipe: { uses: defense/quilting, with: { neighbors: 2 }, in: { patches: patches } }
  predictions: { uses: predict/classify, in: { model: network, images: adversarial, transform: recipe.transform } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions, originals: images } }
`;

describe.skipIf(missing !== null && !required)('runs on a Slurm of two nodes', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    if (missing !== null) throw new Error(missing);
    cluster = await startCluster();
    Object.assign(process.env, cluster.environment);
  });
  afterAll(() => cluster.stop());

  const events = (project: Project): RunEvent[] =>
    listRuns(project.path('.ravelin')).flatMap(({ run }) => [...readLedger(project.path('.ravelin'), run)]);
  const said = (project: Project): string[] =>
    events(project).flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  const submissions = (project: Project): string[] =>
    said(project).filter((message) => message.startsWith('submitted'));
  const computed = (project: Project): number =>
    events(project).filter((event) => event.type === 'shard-committed' && !event.reused).length;

  const start = (project: Project): { readonly pid: number; readonly ended: Promise<number | null> } => {
    const child = spawn(process.execPath, [commandLine(), 'run', 'p.yaml', '--ui', 'quiet'], {
      cwd: project.folder,
      stdio: 'ignore',
      env: { ...process.env, RAVELIN_HOME: project.path('home'), RAVELIN_CACHE: '' },
    });
    return { pid: child.pid!, ended: new Promise((resolve) => child.once('exit', resolve)) };
  };
  const taskLog = (project: Project): string => {
    const [batch] = readdirSync(project.path('.ravelin/slurm'));
    return project.path(`.ravelin/slurm/${batch!}/logs/0.log`);
  };
  /** The scheduler has no events, so this asks until it is so; the limit is that of the test. */
  const until = async (what: () => boolean): Promise<void> => {
    while (!what()) await sleep(50);
  };

  it('gives the results of the local executor, byte for byte', async () => {
    const local = createProject({ 'p.yaml': realWork('local') });
    const remote = createProject({ 'p.yaml': realWork('{ uses: slurm, poll: 1s, unitsPerTask: 2 }') });
    expect((await local.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    // With all images there, the four shards that read them become ready together, when the network is.
    expect((await remote.run('run', 'p.yaml', 'images', '--ui', 'quiet')).code).toBe(0);
    const { code, stderr } = await remote.run('run', 'p.yaml', '--ui', 'quiet');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const outputs = ['adversarial', 'predictions', 'scores'];
    expect(await exportBytes(remote, 'p.yaml', outputs)).toEqual(await exportBytes(local, 'p.yaml', outputs));
    // Four shards of two units a task. Those of the attack wait for its strength, which is found in all that was prepared.
    for (const stage of ['adversarial/prepare', 'adversarial'])
      expect(submissions(remote)).toContainEqual(
        expect.stringMatching(`^submitted ${stage}: job \\d+ with 2 tasks$`),
      );
  });

  it.skipIf(!readyBackends.includes('tensorflow'))(
    'refuses to compute on a node with another backend than that of the plan',
    async () => {
      const flag = '--export=ALL,TF_ENABLE_ONEDNN_OPTS=0';
      const options = `{ uses: slurm, poll: 1s, flags: ['${flag}'] }`;
      const project = createProject(
        {
          'p.yaml': realWork(options),
          'package.json': JSON.stringify({ ravelin: { slurmFlags: [flag] } }),
        },
        { RAVELIN_HOME: ravelinHome(), TF_ENABLE_ONEDNN_OPTS: '1' },
      );
      const { code } = await project.run('run', 'p.yaml', '--backend', 'tensorflow', '--ui', 'quiet');
      expect(code).toBe(1);
      const failures = events(project).filter((event) => event.type === 'cell-failed');
      expect(failures[0]?.failure).toMatchObject({
        message: expect.stringMatching(
          /computes with tensorflow \S+, and the run was planned for tensorflow \S+-onednn\S+: its results would be stored/,
        ) as string,
        fix: expect.stringMatching(/^set TF_ENABLE_ONEDNN_OPTS=1 on all machines/) as string,
        attempts: 1,
      });
      // The images and the network are made without a backend, and stay.
      expect(computed(project)).toBeGreaterThan(0);
    },
  );

  it('computes below a folder with blanks, quotes and the signs that sbatch replaces', async () => {
    const project = createProject({ 'p.yaml': pipeline(2, 1) });
    const cache = project.path(`it's a "cache" %a #1 $HOME`);
    const { code, stderr } = await project.run('--cache', cache, 'run', 'p.yaml', '--ui', 'quiet');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const [batch] = readdirSync(`${cache}/slurm`);
    expect(readdirSync(`${cache}/slurm/${batch!}/logs`).sort()).toEqual(['0.log', '1.log']);
  });

  it('reads what the user has allowed outside of the project', async () => {
    const elsewhere = createProject({ 'package.json': '{}' });
    const images = { dtype: 'U8' as const, shape: [3, 4, 4, 3], data: new Uint8Array(144) };
    const labels = { dtype: 'I32' as const, shape: [3], data: new Int32Array(3) };
    elsewhere.write('x.safetensors', encodeSafetensors({ images, labels }));
    const path = elsewhere.path('x.safetensors');
    const project = createProject({
      'p.yaml': `ravelin: 1
name: outside
executor: { uses: slurm, poll: 1s }
stages: { images: { uses: dataset/safetensors, with: { path: ${path} } } }
`,
    });
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(2);
    await project.run('allow-path', elsewhere.folder);
    const { code, stderr } = await project.run('run', 'p.yaml', '--ui', 'quiet');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(submissions(project)).toHaveLength(1);
  });

  it('submits the cells of a stage as one array job', async () => {
    const project = createProject({ 'p.yaml': pipeline(40, 1) });
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    expect(submissions(project)).toEqual([expect.stringMatching(/^submitted waits: job \d+ with 40 tasks$/)]);
    expect((await project.run('plan', 'p.yaml', '--exit-code')).code).toBe(0);
  });

  it.skipIf(!hasTerminals)('cancels the array task of a cell that is cancelled, and no other', async () => {
    const project = createProject({ 'p.yaml': pipeline(2, 600_000) });
    const terminal = openTerminal(`'${process.execPath}' '${commandLine()}' run p.yaml --ui full`, {
      cwd: project.folder,
      rows: 30,
      columns: 120,
      env: { NO_COLOR: '1', RAVELIN_CACHE: '', RAVELIN_HOME: project.path('home') },
    });
    const running = async (): Promise<string> =>
      (await execa('squeue', ['--noheader', '--array', '--states=RUNNING', '--format=%K'])).stdout.trim();
    await terminal.shows(/\? keys/);
    while ((await running()).split('\n').length < 2) await sleep(50);
    const cancel = async (cell: string): Promise<void> => {
      terminal.type(`:goto ${cell}\r`);
      await terminal.shows(/3 cell/);
      terminal.type('x');
      await terminal.shows(/cancel waits\[ms=\d+\] and what waits for it\?/);
      terminal.type('y');
    };
    await cancel('ms=600001');
    while ((await running()) !== '0') await sleep(50);
    await cancel('ms=600000');
    while ((await running()) !== '') await sleep(50);
    await terminal.shows(/cluster · failed/);
    terminal.type('q');
    expect(await terminal.ended).toBe(3);
  });

  // A thousand tasks take a thousand starts of Node; by default fifty cells share one.
  it(`runs 1,000 cells of a stage with one sbatch, ${large ? 1 : 50} a task`, async () => {
    const unitsPerTask = large ? 1 : 50;
    const project = createProject({
      'p.yaml': `ravelin: 1
name: many
executor: { uses: slurm, poll: 5s, unitsPerTask: ${unitsPerTask} }
stages:
  value:
    uses: debug/constant
    with: { value: $(axes.cell) }
    matrix: { cell: [${Array.from({ length: 1000 }, (_, cell) => cell).join(', ')}] }
`,
    });
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    expect(submissions(project)).toEqual([
      expect.stringMatching(`^submitted value: job \\d+ with ${1000 / unitsPerTask} tasks$`),
    ]);
    expect(computed(project)).toBe(1000);
    expect((await project.run('plan', 'p.yaml', '--exit-code')).code).toBe(0);
  }, 3_600_000);

  it('goes on after kill −9 of the driver: the next one adopts its jobs and submits nothing again', async () => {
    const project = createProject({ 'p.yaml': pipeline(10, 2_000) });
    const first = start(project);
    await until(() => computed(project) >= 2);
    process.kill(first.pid, 'SIGKILL');
    await first.ended;
    const before = new Set(
      events(project).flatMap((event) => (event.type === 'shard-committed' ? [event.key] : [])),
    );
    expect(await start(project).ended).toBe(0);
    expect(submissions(project)).toHaveLength(1);
    expect(said(project)).toContainEqual(
      expect.stringMatching(/^adopted job \d+ of run .*: \d+ tasks still queued or running$/),
    );
    const again = events(project).filter(
      (event) => event.type === 'shard-committed' && !event.reused && before.has(event.key),
    );
    expect(again).toHaveLength(before.size);
    expect((await project.run('plan', 'p.yaml', '--exit-code')).code).toBe(0);
  });

  it('survives the failure of a node: its tasks run on the other one', async () => {
    const project = createProject({ 'p.yaml': pipeline(4, 4_000) });
    const run = start(project);
    await until(() => events(project).filter(({ type }) => type === 'shard-started').length === 4);
    cluster.failNode('two');
    expect(await run.ended).toBe(0);
    expect((await project.run('plan', 'p.yaml', '--exit-code')).code).toBe(0);
    await cluster.restoreNode('two');
  });

  it('says what became of a task that was killed, with the end of its log', async () => {
    const project = createProject({
      'p.yaml': pipeline(1, 30_000).replace('stages:', 'defaults: { retry: 0 }\nstages:'),
    });
    const run = start(project);
    await until(() => events(project).some(({ type }) => type === 'shard-started'));
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`--batch\0${project.folder}`))
          process.kill(Number(pid), 'SIGKILL');
      } catch {
        // Gone meanwhile.
      }
    }
    expect(await run.ended).toBe(1);
    const failure = events(project).find((event) => event.type === 'cell-failed');
    expect(failure?.failure.message).toMatch(
      /^task 0 of job \d+ ended on (one|two): FAILED.*its last output was: waits\[ms=30000\] shard 0 on .*its log is/s,
    );
  });

  // Slurm keeps a requeued task waiting for two minutes.
  if (!large)
    console.warn('SKIPPED without RAVELIN_TEST_LARGE=1: requeueing before the time limit (2 minutes)');
  it.skipIf(!large)(
    'commits what it is at and goes back to the queue when its time is almost up',
    async () => {
      const text = pipeline(3, 2_500).replace('poll: 1s', 'poll: 1s, unitsPerTask: 3');
      const project = createProject({ 'p.yaml': text });
      const run = start(project);
      await until(() => events(project).some(({ type }) => type === 'shard-started'));
      const job = /job (\d+)/.exec(submissions(project)[0]!)![1]!;
      await execa('scancel', ['--batch', '--signal=USR2', `${job}_0`]);
      expect(await run.ended).toBe(0);
      expect(submissions(project)).toHaveLength(1);
      expect(readFileSync(taskLog(project), 'utf8')).toMatch(
        /shard 0 on .*the time limit is near.*(ms=2501\] shard 0 on .*ms=2502\] shard 0)/s,
      );
      expect((await project.run('plan', 'p.yaml', '--exit-code')).code).toBe(0);
    },
  );

  it('prints the scripts instead of submitting them, and cancels a run with its jobs', async () => {
    const project = createProject({ 'p.yaml': pipeline(3, 60_000) });
    const { stdout } = await project.run('run', 'p.yaml', '--dry-run');
    expect(stdout).toContain('#SBATCH --array=0-2\n');
    expect(stdout).toContain('#SBATCH --signal=B:USR2@90\n');
    const run = start(project);
    await until(() => events(project).some(({ type }) => type === 'shard-started'));
    expect((await project.run('cancel')).stdout).toMatch(/cancelled the jobs \d+/);
    expect(await run.ended).toBe(143);
    expect((await project.run('doctor', 'slurm')).stdout).toMatch(
      /slurm +22\.05\S* answers; arrays of up to 1001 tasks/,
    );
  });
});
