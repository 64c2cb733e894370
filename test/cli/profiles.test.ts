import { execa } from 'execa';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { profilePaths } from '../../src/cli/profiles.ts';
import { profileGroups, sumProfiles, type ProfileSum } from '../../src/cli/profile-shares.ts';
import type { RunTimes } from '../../src/cli/run-times.ts';
import type { TaskOutcome } from '../../src/runtime/executor.ts';
import { createBatch, readEnd } from '../../src/runtime/executors/slurm/batch.ts';
import { runFolder } from '../../src/runtime/run/ledger.ts';
import { phases } from '../../src/timing/phases.ts';
import { makeTask, setup } from '../runtime/fixtures/tasks.ts';
import { createConductedProject, start } from './conducted-project.ts';
import { createProject, realPipeline, type Project } from './ravelin.ts';

type Shown = RunTimes & { readonly run: string; readonly profile: ProfileSum | null };

interface Profile {
  readonly nodes: readonly { readonly id: number }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

function readProfile(path: string): Profile {
  return JSON.parse(readFileSync(path, 'utf8')) as Profile;
}

function profilesOf(project: Project, run: string): string[] {
  return profilePaths(runFolder(project.path('.ravelin'), run));
}

describe('a run with --cpu-profile', () => {
  const project = createProject({ 'p.yaml': realPipeline });

  it('leaves a profile of each worker, says where, and adds them up', async () => {
    const { code, stderr } = await project.run('run', 'p.yaml', '--cpu-profile', '-j', '2', '--ui', 'plain');
    expect(code).toBe(0);
    const shown = (await project.json('runs', 'show', '--time', '--json')) as Shown;
    expect(stderr).toContain(
      `2 CPU profiles are in .ravelin/runs/${shown.run}/profiles, for Chrome DevTools or speedscope; summed up by: ravelin runs show ${shown.run} --time`,
    );
    const paths = profilesOf(project, shown.run);
    expect(paths.map((path) => basename(path).replace(/-\d+\./, '-PID.'))).toEqual([
      'worker-0-PID.cpuprofile',
      'worker-1-PID.cpuprofile',
    ]);
    for (const path of paths) {
      const { nodes, samples, timeDeltas } = readProfile(path);
      const known = new Set(nodes.map(({ id }) => id));
      expect(samples.length).toBeGreaterThan(0);
      expect(samples.every((sample) => known.has(sample))).toBe(true);
      expect(timeDeltas).toHaveLength(samples.length);
    }
    const { profile } = shown;
    const sum = profileGroups.reduce((total, group) => total + profile!.groups[group], 0);
    expect(sum).toBeCloseTo(profile!.seconds, 6);
    expect(sumProfiles(paths, () => undefined).groups).toEqual(profile!.groups);
  });

  it('shows by stage where the time went, and phases that add up', async () => {
    const { stages, total } = (await project.json('runs', 'show', '--time', '--json')) as Shown;
    expect(stages.map(({ stage, partOf = null }) => [stage, partOf])).toEqual(
      expect.arrayContaining([
        ['classifier', null],
        ['adversarial/search', 'adversarial'],
        ['predictions', null],
      ]),
    );
    for (const time of [...stages, total])
      expect(phases.reduce((sum, phase) => sum + time[phase], 0)).toBeCloseTo(time.wall, 4);
    expect(stages.reduce((sum, { units }) => sum + units, 0)).toBe(total.units);
    const { stdout } = await project.run('runs', 'show', '--time');
    expect(stdout).toMatch(/^stage +units +wall s +cpu s +read +codec .* write$/m);
    expect(stdout).toMatch(/^2 workers in .* s: .* computing, .* starting, .* waiting$/m);
    expect(stdout).toMatch(/^javascript /m);
  });

  it('says so if nothing had to be computed', async () => {
    const { stderr } = await project.run('run', 'p.yaml', '--cpu-profile', '--ui', 'plain');
    expect(stderr).toContain('no CPU profile was written, because no worker was started');
    expect((await project.run('runs', 'show', '--time')).stdout).toBe('nothing was computed in this run');
  });
});

it.each([
  ['cut', (whole: string) => whole.slice(0, 100)],
  ['empty', () => ''],
  ['something else', () => '{ "nodes": null }'],
  [
    'of a circle',
    () => JSON.stringify({ nodes: [node(1, [2]), node(2, [1])], samples: [1], timeDeltas: [1] }),
  ],
  ['with a sample of no node', () => JSON.stringify({ nodes: [node(1, [])], samples: [2], timeDeltas: [1] })],
])('a profile that is %s is left out with a warning, and the others are summed up', (_, damage) => {
  const folder = mkdtempSync(join(tmpdir(), 'profiles-'));
  const paths = ['a', 'b'].map((name) => join(folder, `${name}.cpuprofile`)) as [string, string];
  const whole = JSON.stringify({
    nodes: [node(1, [2]), node(2, [])],
    samples: [1, 2, 2],
    timeDeltas: [0, 1e6, 2e6],
  });
  writeFileSync(paths[0], damage(whole));
  writeFileSync(paths[1], whole);
  const broken: string[] = [];
  const { seconds, files } = sumProfiles(paths, (path) => broken.push(path));
  expect({ seconds, files, broken }).toEqual({ seconds: 3, files: [paths[1]], broken: [paths[0]] });
  rmSync(folder, { recursive: true });
});

const node = (id: number, children: readonly number[]) => ({
  id,
  callFrame: { functionName: `f${id}`, scriptId: '1', url: 'file:///a.js', lineNumber: 1, columnNumber: 1 },
  children,
});

it('a worker that was killed leaves a profile, and so does the one in its place', async () => {
  const project = await createConductedProject(1);
  const run = start(project, 'run', 'p.yaml', '--cpu-profile', '-j', '1', '--ui', 'json');
  const first = await run.event(({ type }) => type === 'run-started');
  await run.unlessEnded(project.meeting.next());
  const id = (first as { readonly run: string }).run;
  const [killed] = profilesOf(project, id);
  process.kill(Number(/-(\d+)\./.exec(basename(killed!))![1]), 'SIGKILL');
  (await run.unlessEnded(project.meeting.next())).letGo();
  expect(await run.ended).toBe(0);
  const paths = profilesOf(project, id);
  expect(paths).toHaveLength(2);
  for (const path of paths) expect(readProfile(path).nodes.length).toBeGreaterThan(1);
});

it('an array task of a cluster leaves a profile', async () => {
  const { folder, path } = createProject();
  const profiles = path('.ravelin/runs/1/profiles');
  const batch = createBatch(path('.ravelin'), '1', {
    format: 1,
    run: '1',
    stage: 'stage',
    setup: { ...setup, root: folder, folder, cacheFolder: path('.ravelin'), profiles },
    plugins: [],
    groups: [[makeTask(1, { uses: 'debug/constant', params: { value: 1 }, shard: null })]],
  });
  await execa(process.execPath, [resolve('dist/worker.js'), '--batch', batch], {
    env: { SLURM_ARRAY_JOB_ID: '7', SLURM_ARRAY_TASK_ID: '0' },
  });
  expect(readEnd(batch, 0, 1)).toMatchObject([{ type: 'committed' } satisfies Partial<TaskOutcome>]);
  const paths = profilePaths(path('.ravelin/runs/1'));
  expect(paths.map((name) => basename(name))).toEqual([expect.stringMatching(/^task-7-0-.*\.cpuprofile$/)]);
  expect(readProfile(paths[0]!).nodes.length).toBeGreaterThan(1);
});
