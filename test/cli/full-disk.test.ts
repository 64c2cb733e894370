import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statfsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeProfiles, profilesFolder } from '../../src/cli/profiles.ts';
import { isPartialProfile } from '../../src/runtime/executors/task/profile-names.ts';
import { profileWorker } from '../../src/runtime/executors/task/worker-profile.ts';
import { createProject, exportBytes, type Project } from './ravelin.ts';

const pipeline = `ravelin: 1
name: large
stages:
  digits: { uses: dataset/mnist, with: { split: train, limit: 1600 } }
  reduced: { uses: defense/bit-depth, with: { bits: $(axes.bits) }, in: { images: digits }, matrix: { bits: [1, 2, 3] } }
`;

/** A file system of so many megabytes; false where this user may not mount one. */
function mount(folder: string, size: string): boolean {
  mkdirSync(folder, { recursive: true });
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]).status === 0;
}

const probe = createProject();
const possible = mount(probe.path('disk'), '1m');
if (possible) spawnSync('umount', [probe.path('disk')]);
else console.warn('SKIPPED: a full disk is not tested: this user may not mount a tmpfs');

describe.skipIf(!possible)('a cache on a disk of 8 MB', () => {
  let project: Project;
  beforeAll(() => {
    project = createProject({ 'p.yaml': pipeline });
    expect(mount(project.path('disk'), '8m')).toBe(true);
  });
  afterAll(() => {
    spawnSync('umount', [project.path('disk')]);
  });
  const run = (): ReturnType<Project['run']> =>
    project.run('run', 'p.yaml', '--cache', 'disk/cache', '--ui', 'plain');

  it('ends with exit code 5, the cell, the numbers, where the space went and what to do', async () => {
    const { code, stderr } = await run();
    expect(code).toBe(5);
    expect(stderr).toMatch(
      /failed: \S+\n {2}no space left on the disk of the cache: \d+ bytes were to be written \[storage\]/,
    );
    expect(stderr).toMatch(
      /takes 7\.\d MiB; .* free on its disk\n +\d\.\d MiB {2}defense\/bit-depth \(\d+ entries\)\n +.*B {2}dataset\/mnist \(\d+ entries\)\nfix: /,
    );
  });

  it('is not damaged by it', async () => {
    const { code, stdout } = await project.run('--cache', 'disk/cache', 'cache', 'verify');
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('all intact') as string,
    });
  });

  it('goes on where it stopped once there is space, to the results of a run that never lacked it', async () => {
    spawnSync('mount', ['-o', 'remount,size=64m', project.path('disk')]);
    const { code, stderr } = await run();
    expect(code).toBe(0);
    expect(stderr).toMatch(/large: ok · 4 cells · \d+ shards ran, (?!0 )\d+ reused/);
    const other = createProject({ 'p.yaml': pipeline });
    expect((await other.run('run', 'p.yaml', '--cache', 'disk/cache', '--ui', 'quiet')).code).toBe(0);
    const cells = ['reduced[bits=1]', 'reduced[bits=2]', 'reduced[bits=3]'];
    expect(await exportBytes(project, 'p.yaml', cells, 'disk/cache')).toEqual(
      await exportBytes(other, 'p.yaml', cells, 'disk/cache'),
    );
  });
});

describe.skipIf(!possible)('CPU profiles on a full disk', () => {
  const project = createProject({ 'p.yaml': pipeline });
  const disk = project.path('disk');
  beforeAll(() => {
    expect(mount(disk, '1m')).toBe(true);
  });
  afterAll(() => {
    spawnSync('umount', [disk]);
  });
  const fill = (name: string, left: number): void => {
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(`${disk}/${name}`, new Uint8Array(Math.max(0, bavail * bsize - left)));
  };

  it('are named parts if their ends could not be written, and the run says why', () => {
    const profiles = profilesFolder(disk);
    const problems: string[] = [];
    const profile = profileWorker(`${profiles}/worker-0-1.cpuprofile`, (problem) => problems.push(problem));
    writeFileSync(`${profiles}/worker-1-2.cpuprofile`, '{}');
    fill('first', 0);
    while (problems.length === 0) profile.keep();
    expect(problems[0]).toContain('ENOSPC');
    expect(readdirSync(profiles).filter(isPartialProfile)).toEqual(['worker-0-1.partial.cpuprofile']);
    expect(describeProfiles({ run: 'r', folder: disk }, true)).toMatch(
      /^2 CPU profiles are in .*\nwarning: one of them ends early, because the rest could not be written: no space is left on the disk of \S*disk\/profiles \(ENOSPC\)$/,
    );
  });

  it('are missing for want of space, and not of workers', async () => {
    mkdirSync(project.path('disk/cache'));
    fill('second', 24 * 1024);
    const cache = ['--cache', 'disk/cache', '--backend', 'wasm', '--ui', 'plain', '--cpu-profile'];
    const { code, stderr } = await project.run('run', 'p.yaml', ...cache);
    expect(code).toBe(5);
    expect(stderr).toMatch(
      /warning: (no CPU profile|\S.* of them ends? early|it ends early).*: no space is left/,
    );
    expect(stderr).not.toContain('no worker was started');
  });
});
