import { describe, expect, it } from 'vitest';
import { listRuns, readLedger } from '../../src/runtime/run/read-ledger.ts';
import { hasTerminals, openTerminal, type Terminal } from '../terminal/terminal.ts';
import { createConductedProject, type ConductedProject } from './conducted-project.ts';
import { commandLine } from './ravelin.ts';

const ravelin = `'${process.execPath}' '${commandLine()}'`;
const [enter, leave] = ['\u001B[?1049h', '\u001B[?1049l'];

function open(project: ConductedProject, command: string): Terminal {
  return openTerminal(command, {
    cwd: project.folder,
    rows: 30,
    columns: 120,
    env: { NO_COLOR: '1', RAVELIN_CACHE: '', RAVELIN_HOME: project.path('home'), RAVELIN_TRUST: '1' },
  });
}

const count = (text: string, part: string): number => text.split(part).length - 1;

/** The alternate screen has been left as often as it was entered, and nothing that scrolled away was erased. */
function expectClean(terminal: Terminal): void {
  const written = terminal.written();
  expect(count(written, enter)).toBeGreaterThan(0);
  expect(count(written, leave)).toBe(count(written, enter));
  expect(written.lastIndexOf(leave)).toBeGreaterThan(written.lastIndexOf(enter));
  expect(written).not.toContain('\u001B[3J');
  expect(terminal.erased()).toBe(0);
}

function pidOf(project: ConductedProject): number {
  const cache = project.path('.ravelin');
  const { run } = listRuns(cache)[0]!;
  const [started] = [...readLedger(cache, run, ['run-started'])];
  return started!.pid;
}

describe.skipIf(!hasTerminals)('the whole screen', () => {
  it('stays when the run ends until q, and leaves the summary behind', async () => {
    const project = await createConductedProject(2);
    project.meeting.letAllGo();
    const terminal = open(project, `${ravelin} run p.yaml -j 1 --ui full`);
    await terminal.shows(/conducted · ok/);
    await terminal.shows(/\? keys/);
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
    expectClean(terminal);
    expect(terminal.written().slice(terminal.written().lastIndexOf(leave))).toContain('conducted: ok');
  });

  it('comes and goes with F', async () => {
    const project = await createConductedProject(2);
    const terminal = open(project, `${ravelin} run p.yaml -j 1`);
    const stage = await terminal.unlessEnded(project.meeting.next());
    await terminal.shows(/q quit/);
    terminal.type('F');
    await terminal.shows(/\? keys/);
    terminal.type('F');
    await terminal.shows(/F whole screen/);
    stage.letGo();
    project.meeting.letAllGo();
    expect(await terminal.ended).toBe(0);
    expectClean(terminal);
  });

  it('is left on q while the run goes on with lines', async () => {
    const project = await createConductedProject(2);
    const terminal = open(project, `${ravelin} run p.yaml -j 1 --ui full`);
    const stage = await terminal.unlessEnded(project.meeting.next());
    await terminal.shows(/\? keys/);
    terminal.type('q');
    await terminal.shows(/The display is closed and the run goes on/);
    stage.letGo();
    project.meeting.letAllGo();
    expect(await terminal.ended).toBe(0);
    expectClean(terminal);
  });

  it('pauses a run, which starts nothing until it goes on', async () => {
    const project = await createConductedProject(2);
    const terminal = open(project, `${ravelin} run p.yaml -j 1 --ui full`);
    const first = await terminal.unlessEnded(project.meeting.next());
    await terminal.shows(/\? keys/);
    terminal.type('p');
    await terminal.shows(/conducted · .* · paused/);
    first.letGo();
    await terminal.shows(/1\/2 cells/);
    terminal.type('p');
    const second = await terminal.unlessEnded(project.meeting.next());
    await terminal.shows(/the run goes on/);
    second.letGo();
    await terminal.shows(/conducted · ok/);
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
    const events = [...readLedger(project.path('.ravelin'), listRuns(project.path('.ravelin'))[0]!.run)];
    const order = events.flatMap((event) =>
      event.type === 'run-paused'
        ? [event.paused ? 'paused' : 'resumed']
        : event.type === 'shard-started' || event.type === 'shard-committed'
          ? [event.type]
          : [],
    );
    expect(order).toEqual([
      'shard-started',
      'paused',
      'shard-committed',
      'resumed',
      'shard-started',
      'shard-committed',
    ]);
  });

  it('cancels a cell that runs, and the run goes on with the others', async () => {
    const project = await createConductedProject(2);
    const terminal = open(project, `${ravelin} run p.yaml -j 1 --ui full`);
    const first = await terminal.unlessEnded(project.meeting.next());
    await terminal.shows(/\? keys/);
    terminal.type(`:goto name=${first.name}\r`);
    await terminal.shows(/3 cell/);
    terminal.type('x');
    await terminal.shows(/cancel waits\[name=cell-\d\] and what waits for it\?/);
    terminal.type('y');
    await first.gone;
    const second = await terminal.unlessEnded(project.meeting.next());
    expect(second.name).not.toBe(first.name);
    second.letGo();
    await terminal.shows(/conducted · failed/);
    terminal.type('q');
    expect(await terminal.ended).toBe(3);
    expectClean(terminal);
    expect(terminal.written()).toContain('it was cancelled');
  });

  it('tries a failed cell again in the same run, which then ends well', async () => {
    const project = await createConductedProject(1);
    project.write(
      'frail-stage.mjs',
      `import { defineStage, port, Type } from 'ravelin';
import { existsSync } from 'node:fs';

export const stages = [
  defineStage({
    uses: 'debug/frail',
    version: 1,
    summary: 'Fails as long as a file is missing',
    with: Type.Object({}),
    in: {},
    out: { metrics: port('metrics', { description: 'one row' }) },
    run: async ({ resolve }) => {
      if (!existsSync(resolve('mended'))) throw new Error('it is broken');
      return { metrics: { kind: 'metrics', rows: [{ axes: {}, values: { accuracy: 1 } }], warnings: [] } };
    },
  }),
];
`,
    );
    const plugins = ['./meet-stage.mjs', './frail-stage.mjs'];
    project.write('package.json', JSON.stringify({ ravelin: { plugins } }));
    project.write(
      'p.yaml',
      `ravelin: 1
name: conducted
plugins: [${plugins.join(', ')}]
stages:
  waits: { uses: debug/meet, with: { name: one } }
  frail: { uses: debug/frail }
  table: { uses: report/table, in: { scores: frail } }
`,
    );
    // The failure would end the run as soon as the other cell has ended.
    const terminal = open(project, `${ravelin} run p.yaml -j 2 --ui full`);
    const stage = await terminal.unlessEnded(project.meeting.next());
    await terminal.shows(/1 failed/);
    await terminal.shows(/\? keys/);
    terminal.type('r');
    await terminal.shows(/has not failed|no cell of/);
    project.write('mended', '');
    terminal.type(':goto frail\rr');
    await terminal.shows(/trying frail again/);
    await terminal.shows(/2\/3 cells/);
    stage.letGo();
    await terminal.shows(/conducted · ok/);
    terminal.type('r');
    await terminal.shows(/copied the command that runs it again: ravelin run \S*p\.yaml --only /);
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
    expectClean(terminal);
    const events = [...readLedger(project.path('.ravelin'), listRuns(project.path('.ravelin'))[0]!.run)];
    expect(events.filter(({ type }) => /^cell-(?:failed|retried)$/.test(type))).toMatchObject([
      { type: 'cell-failed', cell: 'frail', blocked: 1 },
      { type: 'cell-retried', cell: 'frail', freed: 1 },
    ]);
    expect((await project.run('runs', 'show')).stdout).not.toContain('it is broken');
  });

  it('is left on SIGTERM, after what runs has finished', async () => {
    const project = await createConductedProject(2);
    const terminal = open(project, `${ravelin} run p.yaml -j 1 --ui full`);
    const stage = await terminal.unlessEnded(project.meeting.next());
    await terminal.shows(/1 stages/);
    process.kill(pidOf(project), 'SIGTERM');
    await terminal.shows(/Finishing the running shards/);
    stage.letGo();
    await terminal.shows(/conducted · interrupted/);
    process.kill(pidOf(project), 'SIGTERM');
    expect(await terminal.ended).toBe(143);
    expectClean(terminal);
  });

  it('gives the terminal back on Ctrl-Z, and comes back with fg', async () => {
    const project = await createConductedProject(2);
    const terminal = open(
      project,
      // It waits for a line, so that what it says is on the screen until it has been seen.
      `set -m; ${ravelin} run p.yaml -j 1 --ui full; echo it is stopped; read -r line; fg; exit $?`,
    );
    const stage = await terminal.unlessEnded(project.meeting.next());
    await terminal.shows(/\? keys/);
    terminal.type('\u001A');
    await terminal.shows(/it is stopped/);
    terminal.type('\n');
    stage.letGo();
    project.meeting.letAllGo();
    await terminal.shows(/conducted · ok/);
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
    expectClean(terminal);
    expect(count(terminal.written(), enter)).toBe(2);
  });

  it('shows a run of the past with browse, and with watch', async () => {
    const project = await createConductedProject(1);
    project.meeting.letAllGo();
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    for (const command of ['browse', 'watch']) {
      const terminal = open(project, `${ravelin} ${command}`);
      await terminal.shows(/conducted · ok/);
      terminal.type('0');
      await terminal.shows(/0\.0 s of /);
      terminal.type('q');
      expect(await terminal.ended).toBe(0);
      expectClean(terminal);
    }
  });
});

it('browse says what it needs', async () => {
  const project = await createConductedProject(1);
  project.meeting.letAllGo();
  await project.run('run', 'p.yaml', '--ui', 'quiet');
  expect(await project.run('browse')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^error: browse needs a terminal that it can draw on\n {2}fix: /) as string,
  });
});
