import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
