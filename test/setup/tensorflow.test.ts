import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { folderOf } from '../../src/setup/bundled.ts';
import { findTensorflow, lackingAdditions, tensorflowFolder } from '../../src/setup/locations.ts';
import { findPython, pipError } from '../../src/setup/pip.ts';
import { checkSpace } from '../../src/setup/scratch.ts';
import { checkPlatform, cpuParameters, gpuParameters, setUpTensorflow } from '../../src/setup/tensorflow.ts';
import { cpuWheel, gpuWheels, requirementsOf } from '../../src/setup/tensorflow-wheels.ts';
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
    const setup = { gpu: false, fromWheel: wheel(), from: null, report: () => undefined };
    await expect(
      setUpTensorflow({
        ...setup,
        verify: () => Promise.reject(new Error('crashed')),
        timeConvolutions: () => Promise.resolve(1),
        warmUp: () => Promise.resolve(),
      }),
    ).rejects.toThrow('crashed');
    expect(findTensorflow()).toBeNull();
    expect(compiled()).toBe(1);
    rmSync(join(home, 'calls'));
    // Goes on after the compilation: neither the wheel nor the compiler is needed again.
    rmSync(setup.fromWheel);
    await setUpTensorflow({
      ...setup,
      verify: () => Promise.resolve('the CPU'),
      timeConvolutions: () => Promise.resolve(1),
      warmUp: () => Promise.resolve(),
    });
    expect(compiled()).toBe(0);
    expect(findTensorflow()).toMatchObject({ version: '2.21.0', gpu: false });
    expect(readdirSync(tensorflowFolder(false)).sort()).toEqual([
      'binding-4.22.0-3',
      'one-dnn.json',
      'packages',
      'ready-4.22.0.json',
    ]);
  });

  it('uses the binding of an earlier ravelin until it is called again, which only compiles', async () => {
    const compiled = fakeCompiler();
    const folder = tensorflowFolder(false);
    mkdirSync(join(folder, 'packages'), { recursive: true });
    mkdirSync(join(folder, 'binding-4.22.0'));
    const [earlier, ready, measured] = [
      'binding-4.22.0/tfjs_binding.node',
      'ready-4.22.0.json',
      'one-dnn.json',
    ];
    for (const file of [earlier, ready]) writeFileSync(join(folder, file), '');
    const measurement = JSON.stringify({ processor: 'any', with: 1, without: 2 });
    writeFileSync(join(folder, measured), measurement);
    expect(findTensorflow()?.binding).toBe(join(folder, earlier));
    expect(lackingAdditions(findTensorflow()!)).toEqual(['functions', 'context']);
    // The latest of those that are there.
    const later = 'binding-4.22.0-2/tfjs_binding.node';
    mkdirSync(join(folder, 'binding-4.22.0-2'));
    writeFileSync(join(folder, later), '');
    expect(findTensorflow()?.binding).toBe(join(folder, later));
    expect(lackingAdditions(findTensorflow()!)).toEqual(['context']);
    const setup = { gpu: false, fromWheel: null, from: null, report: () => undefined };
    const verify = (): Promise<string> => Promise.resolve('the CPU');
    await setUpTensorflow({
      ...setup,
      verify,
      timeConvolutions: () => Promise.resolve(1),
      warmUp: () => Promise.resolve(),
    });
    expect(compiled()).toBe(1);
    expect(findTensorflow()?.binding).toBe(join(folder, 'binding-4.22.0-3/tfjs_binding.node'));
    expect(lackingAdditions(findTensorflow()!)).toEqual([]);
    // What was measured stays, because it decides the identity of results.
    expect(readFileSync(join(folder, measured), 'utf8')).toBe(measurement);
  });

  it('compiles kernels for a GPU once it is ready, and again whenever it is called', async () => {
    fakeCompiler();
    mkdirSync(join(tensorflowFolder(true), 'packages'), { recursive: true });
    const warmed: string[] = [];
    const setup = {
      ...{ gpu: true, fromWheel: null, from: null, report: () => undefined },
      verify: () => Promise.resolve('a CUDA device'),
      timeConvolutions: () => Promise.reject(new Error('not timed on a GPU')),
      warmUp: (folder: string) => {
        warmed.push(`${folder} ${findTensorflow()?.gpu}`);
        return Promise.resolve();
      },
    };
    await setUpTensorflow(setup);
    await setUpTensorflow(setup);
    expect(warmed).toEqual([`${tensorflowFolder(true)} true`, `${tensorflowFolder(true)} true`]);
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
        from: null,
        report: () => undefined,
        verify: () => Promise.resolve(''),
        timeConvolutions: () => Promise.resolve(1),
        warmUp: () => Promise.resolve(),
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
        from: null,
        report: () => undefined,
        verify: () => Promise.resolve(''),
        timeConvolutions: () => Promise.resolve(1),
        warmUp: () => Promise.resolve(),
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

describe('the wheels', () => {
  it('are those of one Python, whatever Python runs pip, and each has its digest', () => {
    const fixed = [
      ...['--no-deps', '--only-binary=:all:'],
      ...['--python-version', '3.12', '--implementation', 'cp', '--abi', 'cp312'],
      ...['--platform', 'manylinux_2_27_x86_64', '--platform', 'manylinux_2_25_x86_64'],
      ...['--platform', 'manylinux_2_17_x86_64', '--platform', 'manylinux2014_x86_64'],
      ...['--platform', 'manylinux2010_x86_64'],
    ];
    const files = ['--require-hashes', '--requirement', 'r.txt'];
    expect(cpuParameters('t', 'r.txt')).toEqual(['download', '--dest', 't', ...files, ...fixed]);
    const gpu = ['install', '--target', 't', '--no-compile', ...files, ...fixed];
    expect(gpuParameters('t', 'r.txt', null)).toEqual(gpu);
    expect(gpuParameters('t', 'r.txt', '/w')).toEqual([...gpu, '--no-index', '--find-links', '/w']);
    expect(requirementsOf([cpuWheel])).toBe(
      'tensorflow-cpu==2.21.0 --hash=sha256:dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb\n',
    );
    for (const { sha256 } of gpuWheels) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(gpuWheels).toHaveLength(13);
  });

  it('may lie in a folder, and a folder without one is named', async () => {
    fakeCompiler();
    const path = join(home, 'wheels');
    mkdirSync(path);
    const setup = {
      gpu: false,
      fromWheel: null,
      from: path,
      report: () => undefined,
      verify: () => Promise.resolve('the CPU'),
      timeConvolutions: () => Promise.resolve(1),
      warmUp: () => Promise.resolve(),
    };
    await expect(setUpTensorflow(setup)).rejects.toThrow(`${path} contains no wheel of TensorFlow`);
    const name = 'tensorflow_cpu-2.21.0-cp39-cp39-manylinux_2_27_x86_64.whl';
    writeFileSync(join(path, name), wheelBytes(libraries));
    await setUpTensorflow(setup);
    expect(findTensorflow()).toMatchObject({ version: '2.21.0', gpu: false });
    // The folder is the user's.
    expect(readdirSync(path)).toEqual([name]);
  });
});

it('the TensorFlow that the install script of the npm package downloads computes only if it is named', () => {
  const folder = folderOf('@tensorflow/tfjs-node-gpu');
  const library = join(folder, 'lib/napi-v8');
  expect(existsSync(join(folder, 'lib'))).toBe(false);
  try {
    mkdirSync(library, { recursive: true });
    writeFileSync(join(library, 'tfjs_binding.node'), '');
    expect(findTensorflow()).toBeNull();
    vi.stubEnv('RAVELIN_TENSORFLOW', 'prebuilt');
    expect(findTensorflow()).toMatchObject({
      version: 'of @tensorflow/tfjs-node-gpu 4.22.0',
      binding: join(library, 'tfjs_binding.node'),
      folder: null,
    });
  } finally {
    rmSync(join(folder, 'lib'), { recursive: true });
  }
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
