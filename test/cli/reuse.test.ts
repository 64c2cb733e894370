import { describe, expect, it } from 'vitest';
import { createProject, exportBytes, type PlanJson, type Project, realPipeline } from './ravelin.ts';

const plan = async (project: Project, ...parameters: readonly string[]): Promise<PlanJson> =>
  (await project.json('plan', 'p.yaml', '--json', ...parameters)) as PlanJson;
const stagesToRun = ({ cells }: PlanJson): readonly string[] => [
  ...new Set(cells.filter(({ shards }) => shards.run > 0).map(({ stage }) => stage)),
];

const outputs = ['classifier', 'adversarial', 'defended', 'predictions', 'scores'];

describe('a second run', () => {
  const project = createProject({ 'p.yaml': realPipeline });

  it('reuses everything, and then only what a change reaches', async () => {
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    expect((await plan(project)).totals.run).toBe(0);
    expect((await project.run('plan', 'p.yaml', '--exit-code')).code).toBe(0);

    const changed = await plan(project, '-S', 'params.bits=4');
    expect(stagesToRun(changed)).toEqual(['defended', 'predictions', 'scores', 'table']);
    expect(
      changed.cells.find(({ cell }) => cell === 'defended[attack=epsilon,defense=bits]')?.because,
    ).toEqual(['with.bits 3 → 4']);
    expect(
      changed.cells.find(({ cell }) => cell === 'defended[attack=epsilon,defense=jpeg]')?.shards.run,
    ).toBe(0);
    expect((await project.run('plan', 'p.yaml', '--exit-code', '-S', 'params.bits=4')).code).toBe(10);
    const why = await project.run(
      'why',
      'p.yaml',
      'defended[attack=epsilon,defense=bits]',
      '-S',
      'params.bits=4',
    );
    expect(why.stdout).toContain('with.bits 3 → 4');
    const below = await project.run(
      'why',
      'p.yaml',
      'scores[attack=epsilon,defense=bits]',
      '-S',
      'params.bits=4',
    );
    expect(below.stdout).toMatch(
      /^scores\[attack=epsilon,defense=bits\]: 1 of 1 shards to run\n {2}waits for predictions\[attack=epsilon,defense=bits\]\n {4}defended\[attack=epsilon,defense=bits\]: with\.bits 3 → 4$/,
    );
  });

  it('runs nothing for a comment, another order of keys, a title or a description', async () => {
    project.write(
      'p.yaml',
      `# a comment\n${realPipeline.replace('with: { filters: [4], dense: [16] }', 'title: The network, with: { dense: [16], filters: [4] }').replace('seed: 3', 'description: other words\nseed: 3')}`,
    );
    expect((await plan(project)).totals.run).toBe(0);
  });

  it('redraws the report alone for another label of a matrix', async () => {
    project.write('p.yaml', realPipeline.replace('        bits: { uses', '        bit-depth: { uses'));
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    const { stdout } = await project.run('runs', 'show', '--json');
    expect((JSON.parse(stdout) as { finished: { totals: unknown } }).finished.totals).toMatchObject({
      ran: 1,
    });
  });

  it('stops where an upstream rerun gives the same bytes', async () => {
    project.write('p.yaml', realPipeline);
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    const { stdout } = await project.run('run', 'p.yaml', '--ui', 'json', '--force=classifier');
    expect(JSON.parse(stdout.split('\n').at(-1)!)).toMatchObject({ totals: { ran: 1, failed: 0 } });
  });
});

it('a larger limit computes only the new shards', async () => {
  const pipeline = (limit: number): string => `ravelin: 1
name: growing
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: ${limit} }, shard: 50 }
  network: { uses: model/cnn, with: { filters: [2], dense: [] } }
  adversarial: { uses: attack/fgsm, in: { model: network, images: digits }, with: { epsilon: 0.1 }, shard: 50 }
  bits: { uses: defense/bit-depth, in: { images: adversarial }, shard: 50 }
`;
  const project = createProject({ 'p.yaml': pipeline(200) });
  expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
  project.write('p.yaml', pipeline(400));
  const { cells } = await plan(project);
  expect(cells.map(({ stage, shards }) => [stage, shards])).toEqual([
    ['digits', { total: 8, reuse: 4, run: 4 }],
    ['network', { total: 1, reuse: 1, run: 0 }],
    ['adversarial/prepare', { total: 8, reuse: 4, run: 4 }],
    ['adversarial', { total: 8, reuse: 4, run: 4 }],
    ['bits', { total: 8, reuse: 4, run: 4 }],
  ]);
  const { stdout } = await project.run('run', 'p.yaml', '--ui', 'json');
  expect(JSON.parse(stdout.split('\n').at(-1)!)).toMatchObject({ totals: { reused: 17, ran: 16 } });
});

it('results are bit-identical for shards of 16 and 64, and for 1 and 3 workers', async () => {
  const results = await Promise.all(
    (
      [
        ['16', '1'],
        ['64', '3'],
        ['16', '3'],
      ] as const
    ).map(async ([shard, workers]) => {
      const project = createProject({ 'p.yaml': realPipeline.replace('shard: 16', `shard: ${shard}`) });
      expect((await project.run('run', 'p.yaml', '--ui', 'quiet', '-j', workers)).code).toBe(0);
      return exportBytes(project, 'p.yaml', outputs);
    }),
  );
  expect(Object.keys(results[0]!)).toHaveLength(1 + 3 + 6 + 6 + 6);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});
