import { expect, it } from 'vitest';
import {
  conducted,
  createConductedProject,
  createTrainingProject,
  start,
  startPlain,
} from './conducted-project.ts';
import { recordedOutputs, storedFiles } from '../soak/project.ts';
import { createProject, realPipeline } from './ravelin.ts';

it('after kill −9 of the whole run at 12 moments a plain rerun gives the results of an uninterrupted run', async () => {
  const whole = createProject({ 'p.yaml': realPipeline });
  const { stdout } = await whole.run('run', 'p.yaml', '--ui', 'json');
  const events = stdout.split('\n').length;
  const expected = recordedOutputs(whole.path('.ravelin'));

  // Four kills in a row on one cache: each finds another half-finished state.
  const killAndRerun = async (round: number): Promise<void> => {
    const project = createProject({ 'p.yaml': realPipeline });
    for (let turn = 0; turn < 4; turn++) {
      const run = start(project);
      const moment = Math.floor(((0.618034 * (round * 4 + turn + 1)) % 1) * events);
      // A later run on the same cache has fewer events: the last one that it is sure to have is its first.
      await run.event((event, index) => index >= moment || event.type === 'run-finished');
      run.kill();
      await run.ended;
    }
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    expect((await project.run('cache', 'verify')).code).toBe(0);
    // Objects are named by their content, and verified above.
    expect(recordedOutputs(project.path('.ravelin'))).toEqual(expected);
  };
  await Promise.all([0, 1, 2].map(killAndRerun));
});

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('the first %s drains and leaves with %i, and the next run goes on', async (signal, code) => {
  const project = await createConductedProject(8);
  const run = start(project, 'run', 'p.yaml', '--ui', 'json', '-j', '2');
  (await run.unlessEnded(project.meeting.next())).letGo();
  await run.event(({ type }) => type === 'shard-committed');
  // What else it has started waits for us, so that the signal comes while there is work under way and work left.
  const waiting = await run.unlessEnded(project.meeting.next());
  run.signal(signal);
  await run.says(/Press Ctrl-C again/);
  project.meeting.letAllGo();
  expect(await run.ended).toBe(code);
  await waiting.gone;
  const { stdout } = await project.run('run', 'p.yaml', '--ui', 'json');
  const last = JSON.parse(stdout.split('\n').at(-1)!) as { totals: { reused: number; ran: number } };
  // The one that was let go, and the one that the signal found at work.
  expect(last.totals.reused).toBeGreaterThanOrEqual(2);
  expect(last.totals.ran).toBeGreaterThanOrEqual(1);
  expect(last.totals.reused + last.totals.ran).toBe(8);
});

it('a detached run goes on by itself and can be watched to its end', async () => {
  const project = await createConductedProject(1);
  const { code, stdout } = await project.run('run', 'p.yaml', '--detach');
  expect(code).toBe(0);
  // Its driver has begun its record by the time that its stage is here.
  const stage = await project.meeting.next();
  expect((await project.run('runs', 'ls', '--json')).stdout).toContain(stdout.trim());
  const watching = startPlain(project, 'watch', stdout.trim(), '--ui', 'plain');
  await watching.says(/start +waits/);
  stage.letGo();
  await watching.says(/conducted: ok · 1 cell · 1 shard ran/);
  expect(await watching.ended).toBe(0);
});

it('the second SIGINT stops at once', async () => {
  const project = await createConductedProject(1);
  const run = start(project);
  // Nobody lets it go: only a run that does not wait for it can end.
  const stage = await run.unlessEnded(project.meeting.next());
  run.signal('SIGINT');
  await run.says(/Press Ctrl-C again/);
  run.signal('SIGINT');
  expect(await run.ended).toBe(130);
  await stage.gone;
});

it('the first SIGINT ends a training after its epoch, and the next run goes on from there to the same bits', async () => {
  const whole = createTrainingProject(12);
  expect((await whole.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
  const project = await conducted(createTrainingProject(12));
  const run = start(project);
  // It is in its third epoch, and waits there for us.
  for (let step = 0; step < 12; step++) (await run.unlessEnded(project.meeting.next())).letGo();
  await run.event(({ type }) => type === 'metric');
  const waiting = await run.unlessEnded(project.meeting.next());
  run.signal('SIGINT');
  await run.says(/Press Ctrl-C again/);
  waiting.letGo();
  project.meeting.letAllGo();
  expect(await run.ended).toBe(130);
  expect(storedFiles(project.path('.ravelin'), 'checkpoints')).toHaveLength(1);
  const { stdout } = await project.run('run', 'p.yaml', '--ui', 'json');
  const after = /going on after epoch (\d+) of 12/.exec(stdout)?.[1];
  expect(Number(after)).toBeGreaterThanOrEqual(1);
  expect(Number(after)).toBeLessThan(12);
  expect(recordedOutputs(project.path('.ravelin'))).toEqual(recordedOutputs(whole.path('.ravelin')));
  expect(storedFiles(project.path('.ravelin'), 'checkpoints')).toEqual([]);
});
