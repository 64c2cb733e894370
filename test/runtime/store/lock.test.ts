import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { whileLocked } from '../../../src/runtime/store/lock.ts';
import { makeFolder } from '../fixtures/graphs.ts';

it('Processes that change one file at the same time lose no change', async () => {
  const folder = makeFolder();
  const [lock, counter, program] = ['lock.mjs', 'counter', 'add.mjs'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await build({
    entryPoints: [resolve('src/runtime/store/lock.ts')],
    outfile: lock,
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
  writeFileSync(counter, '0');
  writeFileSync(
    program,
    `import { readFileSync, writeFileSync } from 'node:fs';
import { whileLocked } from './lock.mjs';
const path = process.argv[2];
for (let turn = 0; turn < 50; turn++)
  whileLocked(path, () => writeFileSync(path, String(Number(readFileSync(path, 'utf8')) + 1)));
`,
  );
  const children = Array.from({ length: 6 }, () => spawn(process.execPath, [program, counter]));
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0] as unknown));
  expect(codes).toEqual(Array(6).fill(0));
  expect(readFileSync(counter, 'utf8')).toBe('300');
  expect(existsSync(`${counter}.lock`)).toBe(false);
});

it('The lock of a process that was killed is taken over, and leaves nothing', () => {
  const path = join(makeFolder(), 'file');
  writeFileSync(`${path}.lock`, '');
  expect(whileLocked(path, () => 'done', 0)).toBe('done');
  expect(readdirSync(join(path, '..'))).not.toContain('file.lock');
  expect(readdirSync(join(path, '..')).filter((name) => name.startsWith('file'))).toEqual([]);
});

it('An error of the work ends the lock', () => {
  const path = join(makeFolder(), 'file');
  const fail = (): never => {
    throw new Error('no space left');
  };
  expect(() => whileLocked(path, fail)).toThrow('no space left');
  expect(existsSync(`${path}.lock`)).toBe(false);
});

it('A place that takes no lock has the work done all the same', () => {
  const folder = makeFolder();
  const file = join(folder, 'file');
  writeFileSync(file, '');
  // No file can be made below a file, whoever tries.
  expect(whileLocked(join(file, 'below'), () => 'done')).toBe('done');
  expect(whileLocked(join(folder, 'new', 'folder', 'file'), () => existsSync(join(folder, 'new')))).toBe(
    true,
  );
});
