import { rmSync } from 'node:fs';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../src/values/safetensors.ts';
import { createProject } from './ravelin.ts';

const valid = 'ravelin: 1\nname: p\nstages:\n  a: { uses: debug/constant, with: { value: 1 } }\n';

describe('a mistake in the call', () => {
  const project = createProject({
    'p.yaml': valid,
    'wrong.yaml': valid.replace('debug/constant', 'debug/constnat'),
  });

  it.each([
    [['frobnicate'], 'unknown command'],
    [['run'], 'no pipeline was given'],
    [['run', 'p.yaml', '--frobnicate'], 'unknown option'],
    [['run', 'p.yaml', 'b'], "no stage 'b'"],
    [['run', 'p.yaml', 'a[x=1]'], 'x'],
    [['run', 'p.yaml', '-S', 'params.x=1'], 'params.x=1'],
    [['run', 'p.yaml', '-p', 'fast'], 'fast'],
    [['run', 'p.yaml', '-j', '0'], "'0' is not a positive whole number"],
    [['run', 'p.yaml', '--backend', 'cuda'], 'cuda'],
    [['run', 'p.yaml', '--keep-going', '--fail-fast'], 'exclude each other'],
    [['run', 'nothing.yaml'], 'nothing.yaml'],
    [['validate', 'wrong.yaml'], "did you mean 'debug/constant'?"],
    [['explain', 'nonsense'], 'nonsense'],
    [['stages', 'attack/fgms'], 'attack/f'],
    [['metrics', 'nope', '--json'], 'no'],
    [['export', 'p.yaml', 'a', '--to', 'x.npz'], ''],
  ])('%j is told in a sentence', async (parameters, sentence) => {
    const { code, stderr } = await project.run(...parameters);
    expect({ parameters, code }).toEqual({ parameters, code: parameters[0] === 'export' ? 1 : 2 });
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
  });

  it('is JSON for validate --json', async () => {
    const { code, stdout } = await project.run('validate', 'wrong.yaml', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject([
      { file: 'wrong.yaml', line: 4, column: 14, severity: 'error' },
    ]);
  });
});

describe('a file that does not exist', () => {
  const project = createProject({
    'p.yaml': `${valid}  b: { uses: model/cnn, with: { weights: gone.safetensors } }\n`,
  });

  it('is a warning of validate, which succeeds', async () => {
    const { code, stdout, stderr } = await project.run('validate', 'p.yaml');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'p.yaml: ok, 2 stages, 2 cells' });
    expect(stderr).toContain("p.yaml:5:42 warning[missing-file]: 'gone.safetensors' does not exist");
    const { code: again, stdout: json } = await project.run('validate', 'p.yaml', '--json');
    expect(again).toBe(0);
    expect(JSON.parse(json)).toMatchObject([{ line: 5, column: 42, severity: 'warning' }]);
  });

  it('is in a plan what cannot run, and nothing is said twice', async () => {
    const { stdout, stderr } = await project.run('plan', 'p.yaml');
    expect(stdout).toContain('cannot run: ');
    expect(stderr).toBe('');
  });
});

it('a backend that is not there is a sentence', async () => {
  const { code, stderr } = await createProject().run('setup', 'tensorflow', '--check');
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr:
      'error: the tensorflow backend is not ready: TensorFlow is not set up; run ravelin setup tensorflow',
  });
});

it('a cache that cannot be written is exit code 5', async () => {
  const project = createProject({ 'p.yaml': valid, file: 'not a folder' });
  const { code, stderr } = await project.run('--cache', project.path('file'), 'run', 'p.yaml');
  expect(code).toBe(5);
  expect(stderr).toContain(project.path('file'));
  expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
});

describe('bad data', () => {
  const project = createProject();
  const picture = (channels: 3 | 4 = 3) =>
    sharp({ create: { width: 8, height: 8, channels, background: { r: 200, g: 10, b: 10, alpha: 0.5 } } })
      .png()
      .toBuffer();
  const folder = (path: string) => `{ uses: dataset/image-folder, with: { path: ${path} } }`;
  const pipeline = (stage: string) => `ravelin: 1
name: bad
onError: continue
stages:
  broken: ${stage}
  follows: { uses: defense/bit-depth, in: { images: broken } }
  fine: { uses: debug/constant, with: { value: 1 } }
`;

  beforeAll(async () => {
    const good = await picture();
    for (const name of ['truncated', 'text', 'empty', 'alpha']) project.write(`${name}/cat/a.png`, good);
    project.write('truncated/dog/b.png', good.subarray(0, good.length - 30));
    project.write('text/dog/b.png', 'this is no picture');
    project.write('empty/dog/.keep', '');
    project.write('alpha/dog/b.png', await picture(4));
    const pixels = new Float32Array(2 * 4 * 4).fill(0.5);
    pixels[20] = NaN;
    const tensors = (data: Float32Array) =>
      encodeSafetensors({
        images: { dtype: 'F32', shape: [2, 4, 4, 1], data },
        labels: { dtype: 'I32', shape: [2], data: Int32Array.of(0, 1) },
      });
    project.write('nan.safetensors', tensors(pixels));
    project.write('short.safetensors', tensors(new Float32Array(32)).subarray(0, 200));
  });

  it.each([
    ['a truncated PNG', folder('truncated'), 'b.png'],
    ['a text file named .png', folder('text'), 'b.png'],
    ['an empty class folder', folder('empty'), 'dog'],
    ['an image with an alpha channel', folder('alpha'), 'b.png'],
    ['a folder that is not there', folder('absent'), 'absent'],
    [
      'NaN in a safetensors file',
      '{ uses: dataset/safetensors, with: { path: nan.safetensors } }',
      'nan.safetensors',
    ],
    [
      'a truncated safetensors file',
      '{ uses: dataset/safetensors, with: { path: short.safetensors } }',
      'short.safetensors',
    ],
  ])('%s: names the file, the cell and what to do; the rest goes on', async (_, stage, file) => {
    project.write('p.yaml', pipeline(stage));
    rmSync(project.path('.ravelin'), { recursive: true, force: true });
    const { code, stderr } = await project.run('run', 'p.yaml', '--ui', 'plain');
    expect({ code, stderr }).toMatchObject({ code: 3 });
    const failure = stderr.slice(stderr.indexOf('failed: broken'));
    expect(failure).toContain(file);
    expect(failure).toMatch(/fix: +\S/);
    expect(failure).toMatch(/p\.yaml:5:/);
    expect(failure).toContain('blocks 1 cell');
    expect(stderr).toMatch(/done +fine/);
    expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
  });

  it('stops the run with exit code 1 unless the pipeline goes on', async () => {
    project.write('p.yaml', pipeline(folder('absent')).replace('onError: continue\n', ''));
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(1);
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet', '--keep-going')).code).toBe(3);
  });
});
