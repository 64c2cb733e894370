import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { compiledBinding, readyFile, tensorflowFolder } from '../../src/setup/locations.ts';
import { createProject } from './ravelin.ts';

const pipeline = `ravelin: 1
name: search
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 6 } }
  network: { uses: model/cnn, with: { filters: [2], dense: [] } }
  predictions: { uses: predict/classify, in: { model: network, images: digits } }
profiles:
  search: { numerics: tf32 }
`;

it('numerics: tf32 is another identity on a GPU, and none elsewhere; the environment is stronger', async () => {
  // A set-up for CUDA whose binding is never loaded: planning reads the names of its files alone.
  const home = mkdtempSync(join(tmpdir(), 'ravelin-tf32-'));
  const folder = join(home, tensorflowFolder(true).split('/').at(-1)!);
  for (const file of [compiledBinding(folder), readyFile(folder)]) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '');
  }
  const backend = async (given: string | undefined, ...options: readonly string[]): Promise<string> => {
    const environment = given === undefined ? {} : { NVIDIA_TF32_OVERRIDE: given };
    const project = createProject({ 'p.yaml': pipeline }, { RAVELIN_HOME: home, ...environment });
    const { stdout } = await project.run('plan', 'p.yaml', ...options);
    return /backend (\S+ \S+),/.exec(stdout)?.[1] ?? stdout;
  };
  const onGpu = ['--backend', 'tensorflow'] as const;
  expect(await backend(undefined, ...onGpu)).toMatch(/^tensorflow 2\.21\.0-gpu\+\d+$/);
  expect(await backend(undefined, '-p', 'search', ...onGpu)).toMatch(/^tensorflow 2\.21\.0-gpu-tf32\+\d+$/);
  expect(await backend('0', '-p', 'search', ...onGpu)).toMatch(/^tensorflow 2\.21\.0-gpu\+\d+$/);
  expect(await backend('1', ...onGpu)).toMatch(/^tensorflow 2\.21\.0-gpu-tf32\+\d+$/);
  const wasm = await backend(undefined, '--backend', 'wasm');
  expect(await backend(undefined, '-p', 'search', '--backend', 'wasm')).toBe(wasm);
});
