import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/runtime/events.ts';
import { ownIdentity } from '../../src/runtime/store/process-identity.ts';
import { createConductedProject, start } from './conducted-project.ts';
import { createProject } from './ravelin.ts';

const bystander = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1e6)'], { stdio: 'ignore' });
afterAll(() => bystander.kill());
const isAlive = (): boolean => bystander.exitCode === null && bystander.signalCode === null;

it('cancel stops a run that is running, which drains', async () => {
  const project = await createConductedProject(3);
  const run = start(project, 'run', 'p.yaml', '--ui', 'json', '-j', '1');
  const waiting = await run.unlessEnded(project.meeting.next());
  const { code, stdout } = await project.run('cancel');
  expect({ code, stdout }).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('stopping run') as string,
  });
  await run.says(/Press Ctrl-C again/);
  waiting.letGo();
  expect(await run.ended).toBe(143);
  expect((await project.run('cancel')).stdout).toMatch(/^run \S+ has already finished$/);
});

describe('a ledger that names a process which is not the run', () => {
  const project = createProject({
    'p.yaml': 'ravelin: 1\nname: p\nstages:\n  a: { uses: debug/constant, with: { value: 1 } }\n',
  });
  let path = '';
  let first: Extract<RunEvent, { type: 'run-started' }>;
  beforeAll(async () => {
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    const [run] = (await project.json('runs', 'ls', '--json')) as { run: string }[];
    path = project.path(`.ravelin/runs/${run!.run}/events.jsonl`);
    first = JSON.parse(readFileSync(path, 'utf8').split('\n')[0]!) as typeof first;
  });

  it.each<[string, () => object, RegExp]>([
    ['its number was given to another process', () => ({ pid: bystander.pid }), /is no longer running/],
    [
      'the machine was started again since',
      () => ({ pid: bystander.pid, boot: 'another', processStarted: ownIdentity().started }),
      /is no longer running/,
    ],
    [
      'an earlier version wrote down the number alone',
      () => ({ pid: bystander.pid, boot: undefined, processStarted: undefined }),
      /may be process \d+, but its ledger does not prove it; if it is, end it with: kill \d+$/,
    ],
    [
      'the run was on another host',
      () => ({ pid: bystander.pid, host: 'elsewhere' }),
      /is on elsewhere; cancel it there/,
    ],
    ['it is the group of all processes', () => ({ pid: -1 }), /its ledger does not say which process it is/],
    ['it is the own group', () => ({ pid: 0 }), /its ledger does not say which process it is/],
    ['it is the first process', () => ({ pid: 1 }), /is no longer running|is process 1/],
    [
      'it is no number',
      () => ({ pid: String(bystander.pid) }),
      /its ledger does not say which process it is/,
    ],
  ])('is signalled by nobody: %s', async (_, changes, sentence) => {
    writeFileSync(path, `${JSON.stringify({ ...first, ...changes(), check: undefined })}\n`);
    const { code, stdout, stderr } = await project.run('cancel');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(sentence);
    expect(isAlive()).toBe(true);
  });
});

describe('the jobs of a run', () => {
  it('reach scancel as numbers, and as nothing else', async () => {
    const bin = createProject();
    bin.write('scancel', '#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done >> "$SCANCEL_LOG"\n');
    chmodSync(bin.path('scancel'), 0o755);
    const log = bin.path('log');
    const project = createProject(
      { 'p.yaml': 'ravelin: 1\nname: p\nstages:\n  a: { uses: debug/constant, with: { value: 1 } }\n' },
      { PATH: `${bin.folder}:${process.env['PATH']}`, SCANCEL_LOG: log },
    );
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    const [run] = (await project.json('runs', 'ls', '--json')) as { run: string }[];
    const job = (id: string, number: unknown): void => {
      mkdirSync(project.path(`.ravelin/slurm/${id}`), { recursive: true });
      const manifest = { format: 1, run: run!.run, stage: 'a', setup: {}, plugins: [], groups: [] };
      project.write(`.ravelin/slurm/${id}/manifest.json`, JSON.stringify(manifest));
      project.write(`.ravelin/slurm/${id}/job.json`, JSON.stringify({ job: number, submittedAt: 1 }));
    };
    ['--user=root', '-u root', '1 2', '', '12_3', 7, null, ['8']].forEach((number, at) =>
      job(`bad-${at}`, number),
    );
    expect((await project.run('cancel')).code).toBe(0);
    expect(existsSync(log)).toBe(false);
    job('good', '4711');
    expect((await project.run('cancel')).stdout).toContain('cancelled the jobs 4711');
    expect(readFileSync(log, 'utf8')).toBe('--\n4711\n');
  });
});
