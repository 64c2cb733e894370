import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findJsonProblem } from '../../src/files/json-problem.ts';
import { readJsonFile } from '../../src/files/read-json.ts';
import { readTextFile } from '../../src/files/read-text.ts';
import { UnreadableFileError } from '../../src/files/unreadable-file-error.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ravelin-files-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function written(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

function errorOf(run: () => unknown): UnreadableFileError {
  try {
    run();
  } catch (error) {
    if (error instanceof UnreadableFileError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('readTextFile', () => {
  it('takes away the byte order mark of UTF-8, and only at the start', () => {
    expect(readTextFile(written('a', '\ufeffname: café \ufeff'))).toBe('name: café \ufeff');
    expect(readTextFile(written('b', ''))).toBe('');
  });

  it.each([
    ['with a mark', Buffer.from('\ufeffravelin: 1', 'utf16le')],
    ['without a mark', Buffer.from('ravelin: 1', 'utf16le')],
    ['big-endian', Buffer.from('\ufeffravelin: 1', 'utf16le').swap16()],
    ['big-endian without a mark', Buffer.from('ravelin: 1', 'utf16le').swap16()],
  ])('names UTF-16 %s', (_, bytes) => {
    const path = written('a.yaml', bytes);
    expect(errorOf(() => readTextFile(path))).toMatchObject({
      file: path,
      message: `${path} is a text in UTF-16, not in UTF-8`,
      fix: 'save it as UTF-8',
    });
  });

  it('names the place of the first byte that is not UTF-8', () => {
    const path = written('a.yaml', Buffer.from('ravelin: 1\nname: café\n', 'latin1'));
    expect(errorOf(() => readTextFile(path)).message).toBe(
      `${path}:2:10 is not UTF-8: the file is in another encoding, or it is not a text`,
    );
  });

  it('refuses a named pipe and a device, without waiting for a writer', () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(errorOf(() => readTextFile(pipe)).message).toBe(`${pipe} is a named pipe, not a file`);
    expect(errorOf(() => readTextFile('/dev/zero')).message).toBe('/dev/zero is a device, not a file');
  });

  it('leaves errors of the file system as they are', () => {
    expect(() => readTextFile(join(folder, 'nowhere'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => readTextFile(folder)).toThrow(expect.objectContaining({ code: 'EISDIR' }));
  });
});

describe('readJsonFile', () => {
  it('reads JSON with a byte order mark, and as deep as it goes', () => {
    expect(readJsonFile(written('a.json', '\ufeff["cat", "dog"]\r\n'))).toEqual(['cat', 'dog']);
    expect(Array.isArray(readJsonFile(written('b.json', '['.repeat(2e5) + ']'.repeat(2e5))))).toBe(true);
  });

  it.each([
    ['', '1:1', 'the file is empty'],
    [' \n', '2:1', 'the file is empty'],
    ['["cat",\n "dog",]', '2:8', "a comma stands before ']'"],
    ['{"a": 1,}', '1:9', "a comma stands before '}'"],
    ['["cat"\n "dog"]', '2:2', `a ',' or ']' is missing before '"'`],
    ['{"a" 1}', '1:6', "a ':' is missing before '1'"],
    ['{"a": }', '1:7', "a value is missing before '}'"],
    ["['cat']", '1:2', 'texts are written in double quotes, not in single quotes'],
    ['{a: 1}', '1:2', "'a' stands where a key in double quotes is needed"],
    ['// names\n[]', '1:1', 'comments are not allowed'],
    ['[1, /* two */ 2]', '1:5', 'comments are not allowed'],
    ['{"mean": NaN}', '1:10', "'NaN' is not a value"],
    ['[True]', '1:2', "'True' is not a value"],
    ['[01]', '1:2', "'01' is not a value"],
    ['[1.]', '1:2', "'1.' is not a value"],
    ['["a\nb"]', '1:4', 'a line break stands inside of a text that begins with a double quote'],
    ['["C:\\data"]', '1:5', "'\\d' is not an escape; a backslash is written '\\\\'"],
    ['["cat', '1:2', 'the text that begins here has no closing double quote'],
    ['{"a": [1, 2', '1:12', "the file ends, but a ']' is missing"],
    ['[1]\n[2]', '2:1', "'[' stands after the end of the value"],
    ['["é", x]', '1:7', "'x' is not a value"],
    ['['.repeat(1e5), '1:100001', "the file ends, but a ']' is missing"],
  ])('says what is wrong with %j, and where', (content, place, problem) => {
    const path = written('a.json', content);
    const error = errorOf(() => readJsonFile(path));
    expect(error.message).toBe(`${path}:${place} is not JSON: ${problem}`);
    expect(error.file).toBe(path);
  });

  it('finds a problem exactly in the texts that JSON.parse refuses', () => {
    const pieces = [
      ...['[', ']', '{', '}', ',', ':', '"', '"a"', '"\\u00e9"', "'", '\\', '/', '\n', ' ', 'x', '\ufeff'],
      ...['1', '-', '-0', '01', '1.5', '.5', '1e5', '1e', 'true', 'null', 'nul', '"b":1', '[1,2]'],
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        const problem = findJsonProblem(text);
        expect(problem === null).toBe(isJson);
        if (problem === null) return;
        expect(problem.offset).toBeGreaterThanOrEqual(0);
        expect(problem.offset).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 5_000, seed: 1 },
    );
  });
});
