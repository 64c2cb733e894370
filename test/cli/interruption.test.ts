import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { commandLine, createProject, exportBytes, type Project, realPipeline } from './ravelin.ts';

const outputs = ['classifier', 'adversarial', 'defended', 'predictions', 'scores'];

/** Starts a run in a process group of its own; `kill` ends driver and workers alike. */
function start(project: Project): {
  readonly ended: Promise<number | null>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly pid: number;
} {
  const child = spawn(process.execPath, [commandLine(), 'run', 'p.yaml', '--ui', 'quiet'], {
    cwd: project.folder,
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, RAVELIN_HOME: project.path('home') },
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  return {
    ended,
    pid: child.pid!,
    kill: (signal) => {
      try {
        process.kill(-child.pid!, signal);
      } catch {
        // It had ended already.
      }
    },
  };
}

it('after kill −9 of the whole run at 20 moments a plain rerun gives the results of an uninterrupted run', async () => {
  const whole = createProject({ 'p.yaml': realPipeline });
  const startedAt = Date.now();
  expect((await whole.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
  const duration = Date.now() - startedAt;
  const expected = await exportBytes(whole, 'p.yaml', outputs);

  let kills = 0;
  let interrupted = 0;
  for (let round = 0; kills < 20; round++) {
    const project = createProject({ 'p.yaml': realPipeline });
    // Four kills in a row on one cache: each finds another half-finished state.
    for (let turn = 0; turn < 4; turn++) {
      const run = start(project);
      const moment = ((0.618034 * (round * 4 + turn + 1)) % 1) * duration * 0.9;
      const finished = await Promise.race([run.ended.then(() => true), sleep(moment).then(() => false)]);
      run.kill('SIGKILL');
      await run.ended;
      kills++;
      if (!finished) interrupted++;
    }
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    expect((await project.run('cache', 'verify')).code).toBe(0);
    expect(await exportBytes(project, 'p.yaml', outputs)).toEqual(expected);
  }
  // A kill that comes after the end proves nothing.
  expect(interrupted).toBeGreaterThanOrEqual(12);
}, 300_000);

it('the first SIGINT drains and leaves with 130, and the next run goes on', async () => {
  const project = createProject({
    'p.yaml': `ravelin: 1
name: slow
stages:
  waits: { uses: debug/sleep, with: { ms: $(axes.ms) }, matrix: { ms: [401, 402, 403, 404, 405, 406, 407, 408] } }
`,
  });
  const run = start(project);
  await sleep(900);
  process.kill(run.pid, 'SIGINT');
  expect(await run.ended).toBe(130);
  const { stdout } = await project.run('run', 'p.yaml', '--ui', 'json');
  const last = JSON.parse(stdout.split('\n').at(-1)!) as { totals: { reused: number; ran: number } };
  expect(last.totals.reused).toBeGreaterThanOrEqual(1);
  expect(last.totals.reused + last.totals.ran).toBe(8);
});

it('a detached run goes on by itself and can be watched to its end', async () => {
  const project = createProject({
    'p.yaml': 'ravelin: 1\nname: slow\nstages:\n  waits: { uses: debug/sleep, with: { ms: 700 } }\n',
  });
  const { code, stdout } = await project.run('run', 'p.yaml', '--detach');
  expect(code).toBe(0);
  for (let turn = 0; turn < 100; turn++) {
    const { stdout: runs } = await project.run('runs', 'ls', '--json');
    if (runs.includes(stdout.trim())) break;
    await sleep(50);
  }
  const watched = await project.run('watch', stdout.trim(), '--ui', 'plain');
  expect(watched).toMatchObject({ code: 0 });
  expect(watched.stderr).toContain('slow: ok · 1 cell · 1 shard ran');
});

it('the second SIGINT stops at once', async () => {
  const project = createProject({
    'p.yaml': 'ravelin: 1\nname: slow\nstages:\n  waits: { uses: debug/sleep, with: { ms: 30000 } }\n',
  });
  const run = start(project);
  await sleep(800);
  process.kill(run.pid, 'SIGINT');
  await sleep(100);
  process.kill(run.pid, 'SIGINT');
  const startedAt = Date.now();
  expect(await run.ended).toBe(130);
  expect(Date.now() - startedAt).toBeLessThan(3_000);
});
