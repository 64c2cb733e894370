import { describe, expect, it } from 'vitest';
import { hasWebgpu } from '../tensors/backends.ts';
import { createProject, exportBytes, type PlanJson } from './ravelin.ts';

const pipeline = (numerics: string): string => `ravelin: 1
name: mixed
${numerics}
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 6 } }
  network: { uses: model/cnn, with: { filters: [2], dense: [] } }
  adversarial:
    in: { model: network, images: digits }
    matrix:
      attack:
        once: { uses: attack/fgsm, with: { epsilon: 0.1 } }
        iterated: { uses: attack/i-fgsm, with: { dissimilarity: 0.2, steps: 2 } }
  defended: { uses: defense/jpeg, in: { images: adversarial }, store: always }
  predictions: { uses: predict/classify, in: { model: network, images: defended } }
`;

if (!hasWebgpu) process.stderr.write('SKIPPED: no WebGPU here, the cache was not tried with two backends\n');

describe.runIf(hasWebgpu)('a cache that two backends fill', () => {
  it('serves neither the tensors of the other, and each its own', async () => {
    const project = createProject({ 'p.yaml': pipeline('') });
    const stagesToRun = async (backend: string): Promise<readonly string[]> => {
      const { cells } = (await project.json('plan', 'p.yaml', '--backend', backend, '--json')) as PlanJson;
      return [...new Set(cells.filter(({ shards }) => shards.run > 0).map(({ stage }) => stage))];
    };
    const run = (backend: string): ReturnType<typeof project.run> =>
      project.run('run', 'p.yaml', '--backend', backend, '--ui', 'quiet', '-j', '1');

    expect(await run('wasm')).toMatchObject({ code: 0 });
    expect(await stagesToRun('wasm')).toEqual([]);
    // What computes on no device is the same for all; what reads it waits for its new inputs.
    const onDevice = await stagesToRun('webgpu');
    expect(onDevice).toEqual(expect.arrayContaining(['adversarial', 'predictions']));
    expect(onDevice).not.toContain('digits');
    expect(onDevice).not.toContain('network');

    expect(await run('webgpu')).toMatchObject({ code: 0 });
    expect(await stagesToRun('webgpu')).toEqual([]);
    expect(await stagesToRun('wasm')).toEqual([]);
  });

  it('serves both under `numerics: shared`', async () => {
    const project = createProject({ 'p.yaml': pipeline('numerics: shared') });
    expect((await project.run('run', 'p.yaml', '--backend', 'wasm', '--ui', 'quiet')).code).toBe(0);
    const before = await exportBytes(project, 'p.yaml', ['adversarial[attack=once]']);
    const { totals } = (await project.json('plan', 'p.yaml', '--backend', 'webgpu', '--json')) as PlanJson;
    expect(totals.run).toBe(0);
    expect(await exportBytes(project, 'p.yaml', ['adversarial[attack=once]'])).toEqual(before);
  });

  it('is never chosen for a GPU that the CPU plays', async () => {
    const project = createProject({ 'p.yaml': pipeline('') });
    const { backends } = (await project.json('doctor', '--json')) as {
      backends: readonly { name: string; device: string | null }[];
    };
    if (backends.find(({ name }) => name === 'webgpu')?.device !== 'software') return;
    expect((await project.run('run', 'p.yaml', 'digits', '--ui', 'json')).stdout).toContain(
      '"backend":"wasm"',
    );
  });
});
