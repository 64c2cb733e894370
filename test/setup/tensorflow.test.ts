import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bindingPackage, findTensorflow, tensorflowFolder } from '../../src/setup/locations.ts';
import { findPython, pipError } from '../../src/setup/pip.ts';
import { checkPlatform, checkSpace, setUpTensorflow } from '../../src/setup/tensorflow.ts';
import { wheelBytes } from './zip-fixture.ts';

const libraries = {
  'tensorflow/libtensorflow_cc.so.2': 'c',
  'tensorflow/libtensorflow_framework.so.2': 'f',
};

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ravelin-home-'));
  vi.stubEnv('RAVELIN_HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

/** A compiler that notes each call and writes what it was told to. */
function fakeCompiler(): () => number {
  const script = join(home, 'c++');
  writeFileSync(
    script,
    `#!/bin/sh\n[ "$1" = --version ] && exit 0\necho call >> ${home}/calls\nwhile [ "$1" != -o ]; do shift; done\necho built > "$2"\n`,
  );
  chmodSync(script, 0o755);
  vi.stubEnv('CXX', script);
  return () => (existsSync(join(home, 'calls')) ? 1 : 0);
}

function wheel(): string {
  const path = join(home, 'a.whl');
  writeFileSync(path, wheelBytes(libraries));
  return path;
}

describe('setUpTensorflow', () => {
  it('is ready only after it has computed, and then does nothing more', async () => {
    const compiled = fakeCompiler();
    const from = bindingPackage()!;
    const setup = { gpu: false, fromWheel: wheel(), report: () => undefined };
    await expect(
      setUpTensorflow({
        ...setup,
        verify: () => Promise.reject(new Error('crashed')),
        timeConvolutions: () => Promise.resolve(1),
      }),
    ).rejects.toThrow('crashed');
    expect(findTensorflow(from)).toBeNull();
    expect(compiled()).toBe(1);
    rmSync(join(home, 'calls'));
    // Goes on after the compilation: neither the wheel nor the compiler is needed again.
    rmSync(setup.fromWheel);
    await setUpTensorflow({
      ...setup,
      verify: () => Promise.resolve('the CPU'),
      timeConvolutions: () => Promise.resolve(1),
    });
    expect(compiled()).toBe(0);
    expect(findTensorflow(from)).toMatchObject({ version: '2.21.0', gpu: false });
    expect(readdirSync(tensorflowFolder(false)).sort()).toEqual([
      `binding-${from.version}`,
      'one-dnn.json',
      'packages',
      `ready-${from.version}.json`,
    ]);
  });

  it('leaves nothing behind of a damaged wheel, nor of a set-up that was killed', async () => {
    fakeCompiler();
    const path = wheel();
    writeFileSync(path, wheelBytes(libraries).subarray(0, 100));
    // The largest process id is never in use.
    mkdirSync(join(tensorflowFolder(false), 'partial-4194304'), { recursive: true });
    await expect(
      setUpTensorflow({
        gpu: false,
        fromWheel: path,
        report: () => undefined,
        verify: () => Promise.resolve(''),
        timeConvolutions: () => Promise.resolve(1),
      }),
    ).rejects.toThrow(/damaged/);
    expect(readdirSync(tensorflowFolder(false))).toEqual([]);
  });

  it('names the compilers that it looked for', async () => {
    vi.stubEnv('PATH', home);
    vi.stubEnv('CXX', '');
    await expect(
      setUpTensorflow({
        gpu: false,
        fromWheel: wheel(),
        report: () => undefined,
        verify: () => Promise.resolve(''),
        timeConvolutions: () => Promise.resolve(1),
      }),
    ).rejects.toThrow('found no C++ compiler (tried g++, clang++, c++)');
  });

  it('tells a missing Python from a missing pip', async () => {
    vi.stubEnv('PATH', home);
    await expect(findPython()).rejects.toThrow(/found no Python/);
    writeFileSync(join(home, 'python3'), '#!/bin/sh\n[ "$1" = --version ]\n');
    chmodSync(join(home, 'python3'), 0o755);
    vi.stubEnv('PATH', `${home}:/bin:/usr/bin`);
    vi.stubEnv('RAVELIN_PYTHON', join(home, 'python3'));
    await expect(findPython()).rejects.toThrow(/has no pip/);
  });

  it('stops before a disk is full', async () => {
    await checkSpace(home, 1);
    await expect(checkSpace(home, 1e18)).rejects.toThrow(/GB left, but 1000000000\.0 GB are needed/);
  });

  it('knows the platforms that it does not know', () => {
    expect(() => checkPlatform('linux', 'x64', '2.36')).not.toThrow();
    expect(() => checkPlatform('darwin', 'arm64', null)).toThrow(/this is darwin arm64/);
    expect(() => checkPlatform('linux', 'x64', null)).toThrow(/another C library/);
    expect(() => checkPlatform('linux', 'x64', '2.17')).toThrow(
      /needs glibc 2\.27 or later, and this is glibc 2\.17/,
    );
  });
});

describe('pipError', () => {
  it.each([
    ['ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.', /its hash/],
    ['OSError: [Errno 28] No space left on device', /disk is full/],
    [
      'WARNING: Retrying after NewConnectionError\nERROR: Could not find a version\nERROR: No matching distribution found',
      /cannot reach/,
    ],
    ['ERROR: No matching distribution found for tensorflow-cpu==2.21.0', /no TensorFlow for this Python/],
    ['something\nERROR: odd', /pip failed: ERROR: odd/],
  ])('of %j says what is wrong', (output, message) => {
    expect(pipError(output).message).toMatch(message);
    expect(pipError(output).fix).not.toBe('');
  });
});
