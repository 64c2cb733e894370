import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toUserError } from '../../src/files/file-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'ravelin-file-error-'));
const at = (name: string): string => join(folder, name);
mkdirSync(at('folder/inner'), { recursive: true });
writeFileSync(at('file'), 'text');
symlinkSync(at('circle'), at('circle'));

function problemOf(action: () => unknown) {
  try {
    action();
  } catch (error) {
    return toUserError(error);
  }
  throw new Error('it did not fail');
}

describe('what the file system says', () => {
  it.each<[string, () => unknown, string]>([
    ['ENOENT', () => readFileSync(at('absent')), `${at('absent')} does not exist (ENOENT)`],
    [
      'ENOTDIR',
      () => writeFileSync(at('file/a/b'), ''),
      `${at('file')} is a file where a folder is needed (ENOTDIR)`,
    ],
    ['ENOTDIR', () => readdirSync(at('file')), `${at('file')} is a file where a folder is needed (ENOTDIR)`],
    [
      'EISDIR',
      () => writeFileSync(at('folder'), ''),
      `${at('folder')} is a folder where a file is needed (EISDIR)`,
    ],
    ['EISDIR', () => readFileSync(at('folder')), 'the file is a folder where a file is needed (EISDIR)'],
    ['EEXIST', () => mkdirSync(at('folder')), `${at('folder')} exists already (EEXIST)`],
    ['ENOTEMPTY', () => rmdirSync(at('folder')), `the folder ${at('folder')} is not empty (ENOTEMPTY)`],
    ['ELOOP', () => readFileSync(at('circle')), `the links at ${at('circle')} lead in a circle (ELOOP)`],
    [
      'ENAMETOOLONG',
      () => readFileSync(at('x'.repeat(300))),
      `the name ${at('x'.repeat(300))} is longer than the file system allows (ENAMETOOLONG)`,
    ],
    ['ENOSPC', () => writeFileSync('/dev/full', 'x'), 'no space is left on the disk of the file (ENOSPC)'],
  ])('is for %s a sentence with its path, and a remedy', (code, action, message) => {
    const problem = problemOf(action);
    expect(problem).toMatchObject({ code, message });
    expect(problem!.fix).toMatch(/^\S.*\S$/);
  });

  it('names the path of the caller if the error has none', () => {
    try {
      writeFileSync('/dev/full', 'x');
    } catch (error) {
      expect(toUserError(error, '/cache/x')!.message).toBe(
        'no space is left on the disk of /cache/x (ENOSPC)',
      );
    }
  });

  it('is a sentence even for a code that is not in the list', () => {
    const error = Object.assign(new Error('EWHAT'), { code: 'EWHAT', syscall: 'open', path: '/x' });
    expect(toUserError(error)).toMatchObject({ message: 'the system could not open /x (EWHAT)' });
  });

  it('says what was not permitted', () => {
    const error = (syscall: string) =>
      Object.assign(new Error('no'), { code: 'EACCES', syscall, path: '/x' });
    expect(['open', 'mkdir', 'unlink', 'scandir'].map((call) => toUserError(error(call))!.message)).toEqual([
      'this user may not open /x (EACCES)',
      'this user may not create /x (EACCES)',
      'this user may not remove /x (EACCES)',
      'this user may not list /x (EACCES)',
    ]);
  });
});

describe('any other error', () => {
  it.each<[string, unknown]>([
    ['of JavaScript', new TypeError('x is not a function')],
    ['with a code of Node', Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' })],
    ['of a program that cannot be started', spawnSync('/no/such/program').error],
    ['that is no Error', 'ENOENT'],
    ['that is nothing', null],
  ])('%s is none of the file system', (_, error) => {
    expect(toUserError(error)).toBeNull();
  });
});
