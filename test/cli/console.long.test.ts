import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { appendLog, logPath } from '../../src/runtime/run/ledger.ts';
import { readLedger } from '../../src/runtime/run/read-ledger.ts';
import { createConductedProject } from './conducted-project.ts';
import { commandLine, createProject, type Project } from './ravelin.ts';

const ravelin = `'${process.execPath}' '${commandLine()}'`;
const stack = /\n {4}at /;

const pipeline = `ravelin: 1
name: printed
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 4 } }
  reduced: { uses: defense/bit-depth, store: always, in: { images: digits }, matrix: { bits: [1, 2] }, with: { bits: $(axes.bits) } }
  network: { uses: model/cnn, with: { filters: [2], dense: [] } }
  trained: { uses: train/sgd, in: { model: network, images: digits }, with: { epochs: 1, batchSize: 4 } }
  predictions: { uses: predict/classify, in: { model: trained, images: digits } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions, originals: digits } }
  table: { uses: report/table, in: { scores: { from: scores, collect: all } }, with: { rows: [], value: accuracy } }
`;

/** Runs a line of the shell in the project. `code` is written by the line itself. */
async function shell(
  project: Project,
  line: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { exitCode, stdout, stderr } = await execa('bash', ['-c', line], {
    cwd: project.folder,
    reject: false,
    env: { NO_COLOR: '1', RAVELIN_CACHE: '', RAVELIN_HOME: project.path('home'), RAVELIN_TRUST: '1' },
  });
  return { code: exitCode ?? -1, stdout, stderr };
}

/** Runs the command with a reader that has left before it begins; the line ends with the code of the command. */
function withoutReader(command: string): string {
  return `rm -f gone; mkfifo gone
    { read < gone; ${ravelin} ${command}; echo "code $?" >&2; } | { exec 0<&-; echo > gone; }`;
}

/** Commands of which each prints something to stdout, and ends with 0. */
const printing = [
  '--help',
  '--version',
  'help run',
  'validate p.yaml',
  'validate p.yaml --json',
  'schema',
  'schema --of network',
  'stages',
  'stages --markdown',
  'stages defense/jpeg',
  'plan p.yaml',
  'plan p.yaml --json',
  'run p.yaml --dry-run',
  'why p.yaml digits',
  'dag p.yaml',
  'dag p.yaml --json',
  'status p.yaml',
  'runs',
  'runs ls --json',
  'runs show',
  'runs show --time',
  'metrics',
  'metrics --csv',
  'cache du',
  'cache ls',
  'cache verify',
  'cache gc --dry-run',
  'doctor --json',
  'completion bash',
  'explain',
  'explain bad-label',
  'watch --ui json',
];

describe('a command that only prints', () => {
  const project = createProject({ 'p.yaml': pipeline });
  beforeAll(async () => {
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
  });

  it.each(printing)('ends silently if nobody reads it: %s', async (command) => {
    expect(await shell(project, withoutReader(command))).toMatchObject({ stderr: 'code 0', stdout: '' });
  });

  it.each(printing)('reports a full disk behind stdout: %s', async (command) => {
    const { code, stderr } = await shell(project, `${ravelin} ${command} > /dev/full`);
    expect(stderr).toMatch(/^error: the output is incomplete: .*no space left.*\n {2}fix: /);
    expect(code).toBe(5);
  });

  it('keeps an exit code of its own', async () => {
    expect((await shell(project, withoutReader('plan p.yaml --force --exit-code'))).stderr).toBe('code 10');
    expect((await shell(project, `${ravelin} plan p.yaml --force --exit-code > /dev/full`)).code).toBe(10);
    expect((await shell(project, `${ravelin} validate nothing.yaml 2> /dev/full`)).code).toBe(2);
    expect((await shell(project, `${ravelin} nonsense 2> /dev/full`)).code).toBe(2);
    expect((await shell(project, `${ravelin} plan p.yaml 2> /dev/full`)).code).toBe(0);
  });

  it.each(['<&-', '>&-', '2>&-', '<&- >&- 2>&-'])(
    'works with streams that are closed: %s',
    async (closed) => {
      expect((await shell(project, `${ravelin} plan p.yaml ${closed}`)).code).toBe(0);
      expect((await shell(project, `${ravelin} validate nothing.yaml ${closed}`)).code).toBe(2);
    },
  );
});

describe('a run', () => {
  const project = createProject({ 'p.yaml': pipeline });
  const statusOfLatest = async (): Promise<unknown> =>
    ((await project.json('runs', 'show', '--json')) as { status: string }).status;

  it.each(['plain', 'json', 'quiet', 'inline'])('goes on if nobody reads it, in %s', async (ui) => {
    const { stderr } = await shell(project, withoutReader(`run p.yaml --force --ui ${ui} 2> err.txt`));
    expect(stderr).toBe('code 0');
    expect(await statusOfLatest()).toBe('ok');
  });

  it.each(['plain', 'json', 'quiet', 'inline'])(
    'goes on if nobody reads stdout and stderr, in %s',
    async (ui) => {
      const { stdout } = await shell(
        project,
        `rm -f gone; mkfifo gone
       { read < gone; ${ravelin} run p.yaml --force --ui ${ui} 2>&1; echo "code $?" > code.txt; } | { exec 0<&-; echo > gone; }
       cat code.txt`,
      );
      expect(stdout).toBe('code 0');
      expect(await statusOfLatest()).toBe('ok');
    },
  );

  it.each(['plain', 'json', 'quiet', 'inline'])('goes on beside a full disk, in %s', async (ui) => {
    for (const redirection of ['> /dev/full', '2> /dev/full', '> /dev/full 2>&1', '<&- >&- 2>&-']) {
      const { code, stderr } = await shell(
        project,
        `${ravelin} run p.yaml --force --ui ${ui} ${redirection}`,
      );
      expect(code).toBe(0);
      expect(stderr).not.toMatch(stack);
      if (redirection === '> /dev/full' && ui !== 'quiet')
        expect(stderr).toMatch(/warning: the output is incomplete: .*no space left/);
      expect(await statusOfLatest()).toBe('ok');
    }
  });

  it('whose first failure nobody reads has the exit code of a failure', async () => {
    const failing = createProject({
      'p.yaml':
        'ravelin: 1\nname: failing\nstages:\n  weights: { uses: dataset/safetensors, with: { path: none.safetensors } }\n',
    });
    expect((await shell(failing, withoutReader('run p.yaml --ui json 2> err.txt'))).stderr).toBe('code 1');
    expect((await shell(failing, `${ravelin} run p.yaml --keep-going > /dev/full 2>&1`)).code).toBe(3);
  });

  it('whose reader leaves in the middle finishes what was committed and all the rest', async () => {
    const conducted = await createConductedProject(3);
    conducted.meeting.letAllGo();
    const { stdout } = await shell(
      conducted,
      `set -o pipefail; ${ravelin} run p.yaml -j 1 --ui json 2> err.txt | head -1; echo "code $?"`,
    );
    expect(stdout).toMatch(/^\{"v":1,.*"type":"run-started".*\}\ncode 0$/s);
    const { run } = (await conducted.json('runs', 'show', '--json')) as { run: string };
    const events = [...readLedger(conducted.path('.ravelin'), run)];
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', status: 'ok', totals: { ran: 3 } });
  });
});

it('following a run or a log ends when its reader has left', async () => {
  const project = await createConductedProject(1);
  const running = shell(project, `${ravelin} run p.yaml --ui quiet`);
  const stage = await project.meeting.next();
  const { run } = (await project.json('runs', 'show', '--json')) as { run: string };
  appendLog(logPath(project.path('.ravelin'), run, 'waits[name=cell-0]'), 'epoch 1\n');
  const lines = await Promise.all(
    ['watch --ui json', 'watch --ui plain 2>&1', "logs --follow 'waits[name=cell-0]'"].map((command) =>
      shell(project, withoutReader(command).replaceAll('gone', `gone-${command.length}`)),
    ),
  );
  expect(lines.map(({ stderr }) => stderr)).toEqual(['code 0', 'code 0', 'code 0']);
  stage.letGo();
  expect((await running).code).toBe(0);
});

it('the tests of plugins run to their end without a reader, and say if their report was lost', async () => {
  const project = createProject({ 'package.json': '{}' });
  expect((await project.run('new', 'metric', 'mine')).code).toBe(0);
  expect((await shell(project, withoutReader('test'))).stderr).toBe('code 0');
  const { code, stderr } = await shell(project, `${ravelin} test > /dev/full`);
  expect(stderr).toMatch(/^error: the output is incomplete: .*no space left/);
  expect(code).toBe(5);
});

it('the log of a cell that printed nothing is empty, and one of a cell that does not exist an error', async () => {
  const project = createProject({ 'p.yaml': pipeline });
  await project.run('run', 'p.yaml', 'digits', '--ui', 'quiet');
  expect(await project.run('logs', 'digits')).toEqual({
    code: 0,
    stdout: '',
    stderr: "'digits' printed nothing",
  });
  expect(await project.run('logs', 'digit')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^error: no run has a cell 'digit'\n {2}fix: /) as string,
  });
});

it('control characters of names and messages do not reach the terminal, in any command', async () => {
  const evil = 'a\u001B]0;title\u0007\u009B31m\u202Eb';
  const project = createProject();
  project.write(
    'p.yaml',
    `ravelin: 1\nname: evil\nstages:\n  images: { uses: dataset/safetensors, with: { path: "${evil.replaceAll(/[^\w\];[]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)}.safetensors" } }\n`,
  );
  const outputs = [
    await project.run('run', 'p.yaml', '--ui', 'plain'),
    await project.run('run', 'p.yaml', '--ui', 'quiet'),
    await project.run('runs', 'show'),
    await project.run('runs', 'show', '--json'),
    await project.run('status', 'p.yaml'),
    await project.run('watch', '--ui', 'plain'),
    await project.run('watch', '--ui', 'json'),
    await project.run('logs', evil),
    await project.run('validate', evil),
    await project.run('why', 'p.yaml', evil),
  ];
  for (const { stdout, stderr } of outputs)
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E]/);
  expect(outputs.every(({ stdout, stderr }) => /�|\\u001b/.test(stdout + stderr))).toBe(true);
});
