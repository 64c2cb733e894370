import { describe, expect, it } from 'vitest';
import { createProject, exportBytes, type PlanJson } from './ravelin.ts';

const pipeline = `ravelin: 1
seed: 5
defaults: { shard: 16 }
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 40 } }
  network: { uses: model/cnn, with: { filters: [4], dense: [8] } }
  adversarial:
    uses: attack/fgsm
    in: { model: network, images: digits }
    matrix: { epsilon: [0, 0.1] }
    with: { epsilon: $(axes.epsilon) }
  defended:
    in: { images: adversarial }
    matrix:
      defense:
        crop: { uses: defense/crop, with: { crops: 5, size: 20 } }
        jpeg: { uses: defense/jpeg }
  predictions: { uses: predict/classify, in: { model: network, images: defended } }
`;

describe('a cheap defense', () => {
  const project = createProject({
    'auto.yaml': pipeline,
    'always.yaml': pipeline.replace('  defended:\n', '  defended:\n    store: always\n'),
    'never.yaml': pipeline.replace('  defended:\n', '  defended:\n    store: never\n'),
  });
  const run = async (name: string): Promise<void> => {
    const { code, stderr } = await project.run('run', `${name}.yaml`, '--ui', 'quiet');
    expect(stderr).toBe('');
    expect(code).toBe(0);
  };
  const predictions = (name: string): Promise<Record<string, string>> =>
    exportBytes(project, `${name}.yaml`, ['predictions']);

  it('gives the same predictions whether its images are stored or made on the fly', async () => {
    for (const name of ['auto', 'always', 'never']) await run(name);
    const stored = await predictions('always');
    expect(Object.keys(stored)).toHaveLength(4);
    expect(await predictions('auto')).toEqual(stored);
    expect(await predictions('never')).toEqual(stored);
  });

  it('stores no images then, says so, and is one unit for all that it is applied to', async () => {
    const cell = 'defended[epsilon=0,defense=crop]';
    const exported = await project.run('export', 'auto.yaml', cell, '--to', 'out');
    expect(exported.code).toBe(1);
    expect(exported.stderr).toContain("set 'store: always' on 'defended'");
    const { cells } = (await project.json('plan', 'auto.yaml', '--json')) as PlanJson;
    const shards = (id: string): number => cells.find((item) => item.cell === id)!.shards.total;
    expect(shards(cell)).toBe(1);
    expect(shards('defended[epsilon=0,defense=jpeg]')).toBe(3);
    const transform = await project.run(...['export', 'auto.yaml', `${cell}.transform`, '--to', 'crop.json']);
    expect(transform.stderr).toContain('wrote');
  });
});
