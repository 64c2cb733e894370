import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeWhole } from '../../src/files/write-whole.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'whole-'))));
afterEach(() => rmSync(folder, { recursive: true }));
const at = (...names: readonly string[]): string => join(folder, ...names);

describe('writeWhole', () => {
  test('creates the folders above a file, and leaves nothing beside it', () => {
    writeWhole(at('a', 'b', 'x 😀\n.txt'), 'x');
    expect(readdirSync(at('a', 'b'))).toEqual(['x 😀\n.txt']);
  });

  test('replaces the content, and keeps the permissions', () => {
    writeFileSync(at('x'), 'a longer text');
    chmodSync(at('x'), 0o640);
    writeWhole(at('x'), new Uint8Array([65]));
    expect(readFileSync(at('x'), 'utf8')).toBe('A');
    expect(statSync(at('x')).mode & 0o777).toBe(0o640);
  });

  test('gives the file a new content, and not the other names of the old one', () => {
    writeFileSync(at('x'), 'old');
    linkSync(at('x'), at('y'));
    writeWhole(at('x'), 'new');
    expect(readFileSync(at('y'), 'utf8')).toBe('old');
  });

  test.each(['there', 'not there yet'])('follows links to a file that is %s', (which) => {
    mkdirSync(at('far'));
    if (which === 'there') writeFileSync(at('far', 'x'), 'old');
    symlinkSync('far/x', at('one'));
    symlinkSync(at('one'), at('two'));
    writeWhole(at('two'), 'new');
    expect(readFileSync(at('far', 'x'), 'utf8')).toBe('new');
    expect(readlinkSync(at('one'))).toBe('far/x');
    expect(lstatSync(at('two')).isSymbolicLink()).toBe(true);
  });

  test('leaves a device what it is', () => {
    writeWhole('/dev/null', 'x');
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  test.each([
    ['a folder', 'folder', 'EISDIR'],
    ['a file where a folder is needed', 'file/x', 'ENOTDIR'],
    ['a file farther up', 'file/x/y', 'ENOTDIR'],
    ['links in a circle', 'circle', 'ELOOP'],
    ['a link into no folder', 'nowhere', 'ENOENT'],
    ['a long name', 'x'.repeat(300), 'ENAMETOOLONG'],
  ])('%s is an error that names what was given', (_, name, code) => {
    mkdirSync(at('folder'));
    writeFileSync(at('file'), '');
    symlinkSync('circle', at('circle'));
    symlinkSync('none/x', at('nowhere'));
    expect(() => writeWhole(at(name), 'x')).toThrow(expect.objectContaining({ code }));
  });
});
