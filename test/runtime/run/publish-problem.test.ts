import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeProblem } from '../../../src/runtime/run/publish-problem.ts';
import { StageError } from '../../../src/runtime/stage.ts';
import { DamagedObjectError } from '../../../src/runtime/store/errors.ts';
import { makeFolder } from '../fixtures/graphs.ts';

const folder = makeFolder();
const file = join(folder, 'table.md');
writeFileSync(file, 'an earlier result');
mkdirSync(join(folder, 'folder.md'));
const systemError = (code: string): Error => Object.assign(new Error(`${code}: raw words`), { code });

test('the file of an earlier result is named as such, and a folder is not', () => {
  expect(describeProblem(file, systemError('EACCES'))).toEqual({
    path: file,
    message: `${file} may not be written: this user has no permission`,
    fix: 'change the permissions of the file and its folder',
    stale: true,
  });
  expect(describeProblem(join(folder, 'folder.md'), systemError('EISDIR')).stale).toBe(false);
  expect(describeProblem(join(file, 'below'), systemError('ENOTDIR')).stale).toBe(false);
});

test('errors of stages, of the store and unknown ones keep their reason, and rare ones of the disk are said as everywhere', () => {
  expect(describeProblem(file, systemError('EIO')).message).toBe(
    `${file} could not be written: EIO: raw words`,
  );
  expect(describeProblem(file, Object.assign(systemError('EIO'), { syscall: 'write' }))).toMatchObject({
    message: `${file} could not be written: the disk of ${file} failed (EIO)`,
    fix: expect.stringContaining('check the disk') as string,
  });
  const refused = new StageError('there is no such file', { fix: 'publish another' });
  expect(describeProblem(file, refused)).toMatchObject({
    message: `${file} could not be written: there is no such file`,
    fix: 'publish another',
  });
  const damaged = describeProblem(null, new DamagedObjectError('d'.repeat(64), 'was damaged'));
  expect(damaged).toMatchObject({ path: null, stale: false });
  expect(damaged.message).toBe('a table could not be shown: object dddddddddddd… was damaged');
});
