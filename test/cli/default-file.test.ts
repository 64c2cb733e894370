import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findDefaultFile } from '../../src/cli/command-words.ts';
import { createProject } from './ravelin.ts';

it('the pipeline of a folder is found by its usual names, or by the end of its name if it is the only one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-default-'));
  const put = (name: string): void => writeFileSync(join(folder, name), '');
  const remove = (name: string): void => rmSync(join(folder, name));
  expect(findDefaultFile(folder)).toBeNull();
  put('a.ravelin.yaml');
  expect(findDefaultFile(folder)).toBe('a.ravelin.yaml');
  put('b.ravelin.yml');
  expect(findDefaultFile(folder)).toBeNull();
  put('pipeline.yaml');
  expect(findDefaultFile(folder)).toBe('pipeline.yaml');
  put('ravelin.yaml');
  expect(findDefaultFile(folder)).toBe('ravelin.yaml');
  put('pipeline.ravelin.yaml');
  expect(findDefaultFile(folder)).toBe('pipeline.ravelin.yaml');
  remove('pipeline.ravelin.yaml');
  remove('ravelin.yaml');
  expect(findDefaultFile(folder)).toBe('pipeline.yaml');
  expect(findDefaultFile(join(folder, 'none'))).toBeNull();
});

it('commands that name none take it', async () => {
  const text = 'ravelin: 1\nstages:\n  digits: { uses: dataset/mnist, with: { limit: 1 } }\n';
  const project = createProject({ 'own.ravelin.yaml': text });
  expect((await project.run('validate')).stdout).toBe('own.ravelin.yaml: ok, 1 stage, 1 cell');
});

it('commands that name none say which there are if there are several', async () => {
  const project = createProject({ 'two.ravelin.yaml': '', 'one.ravelin.yaml': '' });
  expect((await project.run('validate')).stderr).toBe(
    'error: no pipeline was given, and this folder has 2: one.ravelin.yaml, two.ravelin.yaml\n  fix: name one of them',
  );
});
