import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import type { RunEvent } from '../../src/runtime/events.ts';
import { commandLine, createProject, exportBytes, type Project, realPipeline } from './ravelin.ts';

const outputs = ['classifier', 'adversarial', 'defended', 'predictions', 'scores'];

interface ConductedRun {
  readonly ended: Promise<number | null>;
  /** Resolves at the first event for which `is` holds; rejects if the run ends without one. */
  readonly event: (is: (event: RunEvent, index: number) => boolean) => Promise<RunEvent>;
  /** Resolves when stderr has said this. */
  readonly says: (text: string) => Promise<void>;
  /** Sends a signal to the driver alone. */
  readonly signal: (name: NodeJS.Signals) => void;
  /** Ends driver and workers. */
  readonly kill: () => void;
}

/** Starts a run in a process group of its own and follows its events, so that a test acts at a moment of the run and not of the clock. */
function start(project: Project): ConductedRun {
  const child = spawn(process.execPath, [commandLine(), 'run', 'p.yaml', '--ui', 'json'], {
    cwd: project.folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, RAVELIN_HOME: project.path('home') },
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const lines = createInterface({ input: child.stdout });
  const closed = new Promise<never>((_, reject) =>
    child.once('close', () => reject(new Error(`the run ended first; it said: ${said}`))),
  );
  closed.catch(() => undefined);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return {
    ended,
    event: (is) => {
      let index = 0;
      const found = new Promise<RunEvent>((resolve) =>
        lines.on('line', (line) => {
          const event = JSON.parse(line) as RunEvent;
          if (is(event, index++)) resolve(event);
        }),
      );
      return Promise.race([found, closed]);
    },
    says: (text) => {
      const found = new Promise<void>((resolve) => {
        const look = (): void => {
          if (said.includes(text)) resolve();
        };
        child.stderr.on('data', look);
        look();
      });
      return Promise.race([found, closed]);
    },
    signal: (name) => child.kill(name),
    kill: () => {
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // It had ended already.
      }
    },
  };
}

it('after kill −9 of the whole run at 20 moments a plain rerun gives the results of an uninterrupted run', async () => {
  const whole = createProject({ 'p.yaml': realPipeline });
  const { stdout } = await whole.run('run', 'p.yaml', '--ui', 'json');
  const events = stdout.split('\n').length;
  const expected = await exportBytes(whole, 'p.yaml', outputs);

  let kills = 0;
  for (let round = 0; kills < 20; round++) {
    const project = createProject({ 'p.yaml': realPipeline });
    // Up to four kills in a row on one cache: each finds another half-finished state.
    for (let turn = 0; turn < 4; turn++) {
      const run = start(project);
      const moment = Math.floor(((0.618034 * (round * 4 + turn + 1)) % 1) * events);
      // A later run on the same cache has fewer events: the last one that it is sure to have is its first.
      await run.event((event, index) => index >= moment || event.type === 'run-finished');
      run.kill();
      await run.ended;
      kills++;
    }
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    expect((await project.run('cache', 'verify')).code).toBe(0);
    expect(await exportBytes(project, 'p.yaml', outputs)).toEqual(expected);
  }
}, 600_000);

it('the first SIGINT drains and leaves with 130, and the next run goes on', async () => {
  const project = createProject({
    'p.yaml': `ravelin: 1
name: slow
stages:
  waits: { uses: debug/sleep, with: { ms: $(axes.ms) }, matrix: { ms: [401, 402, 403, 404, 405, 406, 407, 408] } }
`,
  });
  const run = start(project);
  await run.event(({ type }) => type === 'shard-committed');
  run.signal('SIGINT');
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
  // The run is listed once its driver has begun its record; the limit of this test is that of a driver which never does.
  while (!(await project.run('runs', 'ls', '--json')).stdout.includes(stdout.trim())) continue;
  const watched = await project.run('watch', stdout.trim(), '--ui', 'plain');
  expect(watched).toMatchObject({ code: 0 });
  expect(watched.stderr).toContain('slow: ok · 1 cell · 1 shard ran');
});

it('the second SIGINT stops at once', async () => {
  const project = createProject({
    // Longer than a test may take: only a run that does not wait for it can end.
    'p.yaml': 'ravelin: 1\nname: slow\nstages:\n  waits: { uses: debug/sleep, with: { ms: 3600000 } }\n',
  });
  const run = start(project);
  await run.event(({ type }) => type === 'shard-started');
  run.signal('SIGINT');
  await run.says('Press Ctrl-C again');
  run.signal('SIGINT');
  expect(await run.ended).toBe(130);
});
