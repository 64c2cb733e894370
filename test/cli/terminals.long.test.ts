import { describe, expect, it } from 'vitest';
import { hasTerminals, openTerminal, type Terminal, type TerminalOptions } from '../terminal/terminal.ts';
import { createConductedProject, type ConductedProject } from './conducted-project.ts';
import { commandLine } from './ravelin.ts';

const ravelin = `'${process.execPath}' '${commandLine()}'`;

function open(project: ConductedProject, command: string, options: Partial<TerminalOptions> = {}): Terminal {
  return openTerminal(command, {
    ...options,
    cwd: project.folder,
    env: {
      NO_COLOR: '1',
      RAVELIN_CACHE: '',
      RAVELIN_HOME: project.path('home'),
      RAVELIN_TRUST: '1',
      ...options.env,
    },
  });
}

describe.skipIf(!hasTerminals)('a run in a terminal', () => {
  it('draws, and leaves its last frame and the summary behind, each once', async () => {
    const project = await createConductedProject(2);
    const terminal = open(project, `${ravelin} run p.yaml -j 1`);
    (await terminal.unlessEnded(project.meeting.next())).letGo();
    await terminal.shows(/waits .*1\/2/);
    project.meeting.letAllGo();
    expect(await terminal.ended).toBe(0);
    expect(terminal.lines().filter((line) => /^conducted · ok/.test(line))).toHaveLength(1);
    expect(terminal.lines().filter((line) => line.startsWith('conducted: ok'))).toHaveLength(1);
    expect(terminal.lines().some((line) => line.includes('q quit'))).toBe(false);
  });

  it('says in its frame what Ctrl-C does, leaves no copy of a line above it, and says how to go on', async () => {
    const project = await createConductedProject(2);
    const terminal = open(project, `${ravelin} run p.yaml -j 1`);
    const stage = await terminal.unlessEnded(project.meeting.next());
    await terminal.shows(/q quit/);
    terminal.type('\u0003');
    await terminal.shows(/Finishing the running shards/);
    stage.letGo();
    expect(await terminal.ended).toBe(130);
    // The frame is the first thing, and there is one of it.
    expect(terminal.lines()[0]).toMatch(/^conducted · interrupted/);
    expect(terminal.lines().filter((line) => /conducted ·/.test(line))).toHaveLength(1);
    expect(terminal.lines()).toContain('resume: run the same command again; everything committed is kept');
  });

  it('stops at the second Ctrl-C', async () => {
    const project = await createConductedProject(1);
    const terminal = open(project, `${ravelin} run p.yaml`);
    const stage = await terminal.unlessEnded(project.meeting.next());
    await terminal.shows(/q quit/);
    terminal.type('\u0003');
    await terminal.shows(/Finishing the running shards/);
    terminal.type('\u0003');
    expect(await terminal.ended).toBe(130);
    await stage.gone;
  });

  it('goes on with lines after q, which know its name, its clock and what was done, and hear Ctrl-C', async () => {
    const project = await createConductedProject(3);
    const terminal = open(project, `${ravelin} run p.yaml -j 1`);
    (await terminal.unlessEnded(project.meeting.next())).letGo();
    const second = await terminal.unlessEnded(project.meeting.next());
    await terminal.shows(/q quit/);
    terminal.type('q');
    await terminal.shows(/^The display is closed and the run goes on\./);
    await terminal.shows(/^\[\d\d:\d\d\] running {2}1\/3 cells/);
    terminal.type('\u0003');
    await terminal.shows(/^\^?C?Finishing the running shards/);
    second.letGo();
    expect(await terminal.ended).toBe(130);
    expect(terminal.lines().filter((line) => /the run has not ended|^run:/.test(line))).toEqual([]);
    expect(
      terminal.lines().filter((line) => line.startsWith('conducted: interrupted · 3 cells')),
    ).toHaveLength(1);
  });

  it.each([
    ['from a file', '< /dev/null'],
    ['from a pipe', '< <(echo)'],
    ['that is closed', '<&-'],
  ])('draws without keys if stdin is %s, and Ctrl-C is a signal then', async (_name, redirection) => {
    const project = await createConductedProject(2);
    const terminal = open(project, `${ravelin} run p.yaml -j 1 ${redirection}; exit $?`);
    const stage = await terminal.unlessEnded(project.meeting.next());
    await terminal.shows(/waits .*0\/2/);
    expect(terminal.lines().some((line) => line.includes('q quit'))).toBe(false);
    terminal.type('\u0003');
    await terminal.shows(/Finishing the running shards/);
    stage.letGo();
    expect(await terminal.ended).toBe(130);
    expect(terminal.lines()[0]).toMatch(/^\^?C?conducted · interrupted/);
  });

  it.each([
    [0, 0],
    [0, 80],
    [24, 0],
  ])('of %i rows and %i columns gets lines', async (rows, columns) => {
    const project = await createConductedProject(1);
    project.meeting.letAllGo();
    const terminal = open(project, `${ravelin} run p.yaml`, { rows, columns });
    expect(await terminal.ended).toBe(0);
    expect(terminal.written()).not.toContain('\u001B');
    expect(terminal.lines()).toContainEqual(expect.stringMatching(/^\[00:\d\d\] done {5}waits/));
  });

  it.each([1, 2, 3, 5])('of %i rows keeps what had scrolled away', async (rows) => {
    const project = await createConductedProject(2);
    const terminal = open(project, `echo earlier; ${ravelin} run p.yaml -j 1`, { rows });
    (await terminal.unlessEnded(project.meeting.next())).letGo();
    await terminal.unlessEnded(project.meeting.next());
    project.meeting.letAllGo();
    expect(await terminal.ended).toBe(0);
    expect(terminal.erased()).toBe(0);
    expect(terminal.lines()[0]).toBe('earlier');
  });

  it('ends as documented if its log goes through tee and Ctrl-C ends both', async () => {
    const project = await createConductedProject(2);
    const terminal = open(
      project,
      `${ravelin} run p.yaml -j 1 --ui plain 2>&1 | tee log.txt; exit \${PIPESTATUS[0]}`,
    );
    const stage = await terminal.unlessEnded(project.meeting.next());
    await terminal.shows(/start +waits/);
    terminal.type('\u0003');

    stage.letGo();
    expect(await terminal.ended).toBe(130);
    expect((await project.run('runs', 'show', '--json')).stdout).toContain('"status": "interrupted"');
  });

  it.each(['inline', 'plain', 'json'])(
    'goes on without it if it is of another session, in %s',
    async (ui) => {
      const project = await createConductedProject(2);
      const terminal = open(
        project,
        `setsid ${ravelin} run p.yaml -j 1 --ui ${ui} < /dev/tty & sleep infinity`,
      );
      const stage = await terminal.unlessEnded(project.meeting.next());
      await terminal.shows(ui === 'inline' ? /q quit/ : /start +waits|shard-started/);
      terminal.hangUp();
      expect(await terminal.ended).toBe(129);
      project.meeting.letAllGo();
      stage.letGo();
      // It follows the run to its end.
      expect((await project.run('watch', '--ui', 'json')).code).toBe(0);
      const run = (await project.json('runs', 'show', '--json')) as { status: string };
      expect(run.status).toBe('ok');
    },
  );

  it('gets lines in the background, where listening to keys would stop it', async () => {
    const project = await createConductedProject(1);
    project.meeting.letAllGo();
    const terminal = open(project, `set -m; ${ravelin} run p.yaml & wait $!`);
    expect(await terminal.ended).toBe(0);
    expect(terminal.lines()).toContainEqual(expect.stringMatching(/^\[00:\d\d\] done {5}waits/));
  });

  it('is no run killed without a name if its window is closed at once', async () => {
    const project = await createConductedProject(1);
    const terminal = open(project, `exec ${ravelin} run p.yaml`);
    await terminal.unlessEnded(project.meeting.next());
    terminal.hangUp();
    expect(await terminal.ended).toBe(129);
    expect((await project.run('runs')).stdout).toMatch(/^\S+ +killed +conducted/m);
  });
});
