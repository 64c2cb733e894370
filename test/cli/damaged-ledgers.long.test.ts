import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createProject, type Outcome, type Project } from './ravelin.ts';

const pipeline = `ravelin: 1
name: p
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 4 } }
  reduced: { uses: defense/bit-depth, in: { images: digits }, with: { bits: 3 } }
`;

/** Each changes a whole ledger of a run into what a disk, a kill or a hand may leave of it. */
const damages: Readonly<Record<string, (path: string) => void>> = {
  'lines that are JSON and no events': (path) =>
    appendFileSync(
      path,
      'null\n17\n"text"\n[]\n{}\ntrue\n{"type":"run-finished"}\n{"v":1,"at":1,"type":"later"}\n',
    ),
  'events without their fields': (path) => {
    const event = (type: string, fields: object): string =>
      `${JSON.stringify({ v: 1, at: 1, type, ...fields })}\n`;
    const text = [
      event('run-started', { pid: 'x', totals: null }),
      event('cell-planned', { cell: 'reduced', axes: null, shards: 7 }),
      event('cell-finished', { cell: 'reduced', keys: null }),
      event('cell-finished', {
        cell: 'reduced',
        reused: false,
        seconds: 1,
        savedSeconds: 0,
        keys: ['../../p'],
      }),
      event('cell-failed', { cell: 'reduced', shard: 0, failure: null, blocked: 0 }),
      event('shard-committed', { cell: 'reduced', time: [] }),
      event('metric', { cell: 'reduced', name: 7, axes: [] }),
      event('run-finished', { status: 'ok', totals: null, seconds: '1' }),
      event('warning', { at: 1e300, cell: 7, message: null }),
    ];
    appendFileSync(path, text.join(''));
  },
  'nothing but such events': (path) => {
    damages['events without their fields']!(path);
    writeFileSync(
      path,
      readFileSync(path, 'utf8').slice(readFileSync(path, 'utf8').indexOf('"pid":"x"') - 50),
    );
  },
  'no bytes': (path) => writeFileSync(path, ''),
  'bytes that are no text': (path) =>
    writeFileSync(path, Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) & 0xff))),
  'half of its bytes': (path) => truncateSync(path, readFileSync(path).length >> 1),
  'no beginning': (path) => writeFileSync(path, readFileSync(path).subarray(700)),
  'its lines in reverse, twice': (path) => {
    const lines = readFileSync(path, 'utf8').trim().split('\n').reverse();
    writeFileSync(path, `${[...lines, ...lines].join('\n')}\n`);
  },
  'a folder in its place': (path) => {
    rmSync(path);
    mkdirSync(path);
  },
  'a named pipe in its place': (path) => {
    rmSync(path);
    expect(spawnSync('mkfifo', [path]).status).toBe(0);
  },
};
/** These cannot be read at all, so what the run needs is not known, and nothing is removed. */
const unreadable = ['a folder in its place', 'a named pipe in its place'];

const commands = (run: string): readonly (readonly string[])[] => [
  ['runs'],
  ['runs', 'ls', '--json'],
  ['runs', 'show', run],
  ['runs', 'show', run, '--json'],
  ['runs', 'show', run, '--time'],
  ['runs', 'diff', run, run],
  ['runs', 'pin', run],
  ['status', 'p.yaml'],
  ['status', 'p.yaml', '--json'],
  ['metrics', run],
  ['cancel', run],
];

function expectSentences(
  parameters: readonly string[],
  { code, stdout, stderr }: Outcome,
  expected = 0,
): void {
  expect({ parameters, code, stdout, stderr }).toMatchObject({ code: expected });
  expect(stderr + stdout).not.toMatch(/^\s+at .*:\d+:\d+|error in ravelin|undefined|NaN/m);
}

describe.each(Object.keys(damages))('a ledger with %s', (damage) => {
  let project: Project;
  let run = '';
  let path = '';
  beforeAll(async () => {
    project = createProject({ 'p.yaml': pipeline });
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    run = ((await project.json('runs', 'ls', '--json')) as { run: string }[])[0]!.run;
    path = project.path(`.ravelin/runs/${run}/events.jsonl`);
    damages[damage]!(path);
  });

  it('fails no command, and no run', async () => {
    // A run that was killed before its first event is none, and commands do not find it.
    const absent = damage === 'no bytes';
    for (const parameters of commands(run))
      expectSentences(
        parameters,
        await project.run(...parameters),
        absent && parameters.includes(run) ? 2 : 0,
      );
    const logs = await project.run('logs', 'reduced');
    // What is left of the ledger may still know the cell, which printed nothing.
    expectSentences(['logs'], logs, logs.code === 0 ? 0 : 2);
    expect(logs.stderr).toContain(
      logs.code === 0 ? "'reduced' printed nothing" : "no run has a cell 'reduced'",
    );
    const cannotRead = unreadable.includes(damage);
    const watched = await project.run('watch', run, '--ui', 'plain');
    expectSentences(['watch'], watched, absent ? 2 : cannotRead ? 5 : 0);
    // It is pinned: garbage collection has to know what it names.
    const collected = await project.run('cache', 'gc', '--max-size', '1B');
    expectSentences(['cache', 'gc'], collected, cannotRead ? 5 : 0);
    if (cannotRead) expect(collected.stderr).toMatch(/^error\[io\]: the ledger of run .*\n {2}fix: /);
    rmSync(project.path('.ravelin/collected'), { force: true });
    const next = await project.run('run', 'p.yaml', '--ui', 'quiet', '--force');
    expectSentences(['run'], next);
    if (cannotRead) expect(next.stderr).toMatch(/^warning: the cache was not tidied up: /);
    else expect(existsSync(project.path('.ravelin/collected'))).toBe(true);
    // It goes away like any other run.
    expectSentences(['unpin'], await project.run('runs', 'pin', run, '--remove'), absent ? 2 : 0);
    expectSentences(['rm'], await project.run('runs', 'rm', run), absent ? 2 : 0);
  });
});

it('a ledger that is larger than any text can be is read like any other', async () => {
  const project = createProject({ 'p.yaml': pipeline });
  expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
  const [{ run }] = (await project.json('runs', 'ls', '--json')) as [{ run: string }];
  const path = project.path(`.ravelin/runs/${run}/events.jsonl`);
  const events = readFileSync(path, 'utf8').trim().split('\n');
  // A hole in the file, which takes no space: one line of 600 MB, and then the end of the run.
  writeFileSync(path, `${events.slice(0, -1).join('\n')}\n`);
  truncateSync(path, 600_000_000);
  appendFileSync(path, `\n${events.at(-1)!}\n`);
  for (const parameters of [
    ['runs', 'show', run, '--json'],
    ['metrics', run],
    ['watch', run, '--ui', 'json'],
  ]) {
    const outcome = await project.run(...parameters);
    expectSentences(parameters, outcome);
    if (parameters[0] === 'watch') expect(outcome.stdout.split('\n').length).toBe(events.length);
  }
  expect((await project.run('cache', 'gc', '--max-size', '1B')).code).toBe(0);
  expect((await project.run('plan', 'p.yaml')).stdout).toContain('2 cells, 2 shards: 2 reused, 0 to run');
});
