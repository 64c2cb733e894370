import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSources } from '../../architecture/sources.ts';
import { writeSideMemory } from '../../../src/runtime/store/durable.ts';
import { makeFolder } from '../fixtures/graphs.ts';

describe('a side memory', () => {
  it('is written whole, with the permissions that it needs', () => {
    const folder = makeFolder();
    expect(writeSideMemory(join(folder, 'new/x.json'), 'text', 0o600)).toBe(true);
    expect(readFileSync(join(folder, 'new/x.json'), 'utf8')).toBe('text');
    expect(statSync(join(folder, 'new/x.json')).mode & 0o777).toBe(0o600);
  });

  it.each<[string, (folder: string) => string]>([
    [
      'a file is in the way of its folder',
      (folder) => (writeFileSync(join(folder, 'f'), ''), join(folder, 'f/x')),
    ],
    [
      'a folder is in its place',
      (folder) => (mkdirSync(join(folder, 'x/y'), { recursive: true }), join(folder, 'x')),
    ],
    ['its name is too long', (folder) => join(folder, 'x'.repeat(300))],
    ['its path leads to a device', () => '/dev/full/x'],
  ])('is lost without a word, and leaves nothing behind, if %s', (_, pathIn) => {
    const folder = makeFolder();
    expect(writeSideMemory(pathIn(folder), 'text')).toBe(false);
    expect(
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.tmp-')),
    ).toEqual([]);
  });
});

/** Functions that have a safer form, the files that need them all the same, and the form that is meant. */
const guarded: Readonly<Record<string, { readonly files: readonly string[]; readonly instead: string }>> = {
  writeAtomic: {
    files: [
      'runtime/executors/slurm/array-task.ts',
      'runtime/executors/slurm/batch.ts',
      'runtime/executors/task/worker-profile.ts',
      'runtime/run/publish.ts',
      // Tags of earlier versions, which people gave.
      'runtime/run/tags.ts',
      'runtime/store/durable.ts',
    ],
    instead: 'writeSideMemory, if what is written may be lost',
  },
  isAlive: {
    files: [
      'runtime/run/run-state.ts',
      'runtime/store/durable.ts',
      'runtime/store/process-identity.ts',
      'setup/scratch.ts',
    ],
    instead: 'isRunning: the number of a process may have been given to another',
  },
};

describe.each(Object.entries(guarded))('%s', (name, { files, instead }) => {
  it(`is used where it must be; elsewhere: ${instead}`, () => {
    const used = readSources()
      .map(({ path }) => path)
      .filter((path) => new RegExp(`\\b${name}\\(`).test(readFileSync(join('src', path), 'utf8')));
    expect(used).toEqual(files);
  });
});
