import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { loadPipeline } from '../../src/dsl/load.ts';
import { stages } from '../../src/stages/index.ts';
import { createProject, exportBytes, type PlanJson, realPipeline } from './ravelin.ts';

type Tree = Record<string, unknown>;

/** The pipeline with another name for one of its stages, wherever it is referred to. */
function renamed(text: string, from: string, to: string): string {
  const pipeline = parse(text) as Tree & { stages?: Record<string, Tree>; profiles?: Record<string, Tree> };
  const reference = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replace(new RegExp(`^${from}(?=\\.|$)`), to);
    if (Array.isArray(value)) return value.map(reference);
    if (typeof value !== 'object' || value === null) return value;
    return { ...value, from: reference((value as Tree)['from']) };
  };
  const inputs = (value: unknown): unknown =>
    Object.fromEntries(Object.entries(value as Tree).map(([port, given]) => [port, reference(given)]));
  /** Rewrites every `in:` below, in stages, templates and labels of a matrix. */
  const inside = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inside);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => [key, key === 'in' ? inputs(child) : inside(child)]),
    );
  };
  const names = (stages: unknown): Tree =>
    Object.fromEntries(
      Object.entries(stages as Tree).map(([id, stage]) => [id === from ? to : id, inside(stage)]),
    );
  const profiles = Object.entries(pipeline.profiles ?? {}).map(([name, profile]) => [
    name,
    { ...profile, ...('stages' in profile && { stages: names(profile['stages']) }) },
  ]);
  return stringify({
    ...(inside({ ...pipeline, stages: {}, profiles: {} }) as Tree),
    ...(pipeline.stages !== undefined && { stages: names(pipeline.stages) }),
    ...(profiles.length > 0 && { profiles: Object.fromEntries(profiles) as Tree }),
  });
}

const stagesOf = (text: string): readonly string[] =>
  Object.keys((parse(text) as { stages?: Tree }).stages ?? {});

describe('names of stages', () => {
  it('change no key: after a rename of any stage nothing is to be run', async () => {
    const project = createProject({ 'p.yaml': realPipeline });
    expect(await project.run('run', 'p.yaml', '--ui', 'quiet')).toMatchObject({ code: 0 });
    for (const id of stagesOf(realPipeline)) {
      project.write('p.yaml', renamed(realPipeline, id, `other-${id}`));
      const { cells, totals } = (await project.json('plan', 'p.yaml', '--json')) as PlanJson;
      expect(cells.map(({ stage }) => stage)).toContain(`other-${id}`);
      expect({ id, ...totals }).toMatchObject({ id, run: 0 });
    }
  });

  it.each(readdirSync('pipelines').filter((name) => name.endsWith('.yaml')))(
    'decide nothing in pipelines/%s',
    (name) => {
      const file = `pipelines/${name}`;
      const texts = new Map<string, string>();
      /** `change` sees the text of the pipeline and of the files that it includes. */
      const recipes = (change: (text: string) => string): readonly string[] => {
        const readFile = (path: string): string => {
          const text = readFileSync(path, 'utf8');
          texts.set(path, text);
          return change(text);
        };
        const loaded = loadPipeline({ file, registry: stages, readFile });
        if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics.slice(0, 3)));
        return loaded.value.graph.cells
          .map(({ uses, params, seed, axes }) => JSON.stringify([uses, params, seed, axes]))
          .sort();
      };
      const before = recipes((text) => text);
      const ids = [...texts.values()].flatMap(stagesOf);
      expect(ids.length).toBeGreaterThan(2);
      // In a long pipeline several at a time, because each load takes a while.
      const size = Math.ceil(ids.length / 20);
      for (let first = 0; first < ids.length; first += size) {
        const some = ids.slice(first, first + size);
        const change = (text: string): string =>
          some.reduce((changed, id) => renamed(changed, id, `z-${id}`), text);
        expect(recipes(change)).toEqual(before);
      }
    },
  );
});

describe('seed:', () => {
  const pipeline = `ravelin: 1
name: repeats
stages:
  training: { uses: dataset/mnist, with: { split: train, limit: 200 } }
  digits: { uses: dataset/mnist, with: { limit: 40 } }
  network:
    uses: model/cnn
    seed: $(axes.seed)
    with: { filters: [2], dense: [] }
    matrix: { seed: [1, 2, 3] }
  classifier:
    uses: train/sgd
    seed: $(axes.seed)
    in: { model: network, images: training }
    with: { epochs: 2 }
  same: { uses: model/cnn, seed: 2, with: { filters: [2], dense: [] } }
  start: { uses: attack/fgsm, in: { model: same, images: digits }, with: { epsilon: 0.1, randomStart: 0.05 } }
  plain: { uses: attack/fgsm, in: { model: same, images: digits }, with: { epsilon: 0.1 } }
  predictions: { uses: predict/classify, in: { model: classifier, images: digits } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions, originals: digits } }
  table:
    uses: report/table
    in: { scores: { from: scores, collect: all } }
    with: { meanOver: seed }
    publish: table.txt
`;
  const project = createProject({ 'p.yaml': pipeline });

  it('repeats a stage over an axis, and a table shows mean and standard deviation', async () => {
    expect(await project.run('run', 'p.yaml', '--ui', 'quiet')).toMatchObject({ code: 0, stderr: '' });
    const networks = [1, 2, 3].map((seed) => `network[seed=${seed}]`);
    const bytes = await exportBytes(project, 'p.yaml', networks);
    expect(new Set(Object.values(bytes)).size).toBe(3);
    expect(readFileSync(project.path('table.txt'), 'utf8')).toMatch(/\d\d?\.\d % ± \d+\.\d/);
  });

  it('gives the same bytes to equal recipes', async () => {
    const both = await exportBytes(project, 'p.yaml', ['network[seed=2]', 'same']);
    expect(new Set(Object.values(both)).size).toBe(1);
  });

  it('is named by why when it changed, and changes nothing that draws nothing', async () => {
    project.write('p.yaml', pipeline.replace('seed: 2,', 'seed: 5,'));
    expect((await project.run('why', 'p.yaml', 'same')).stdout).toContain('seed 2 → 5');
    project.write('p.yaml', pipeline.replace('name: repeats', 'name: repeats\nseed: 9'));
    expect((await project.run('why', 'p.yaml', 'same')).stdout).toContain('seed of the pipeline 0 → 9');
    project.write('p.yaml', pipeline.replace('start: {', 'start: { seed: 4,'));
    expect((await project.run('why', 'p.yaml', 'start')).stdout).toContain('seed 0 → 4');
    project.write('p.yaml', pipeline.replace('plain: {', 'plain: { seed: 4,'));
    expect((await project.json('plan', 'p.yaml', '--json')) as PlanJson).toMatchObject({
      totals: { run: 0 },
    });
  });

  it('is a whole number, and its axes exist', async () => {
    project.write('p.yaml', pipeline.replace('seed: 2,', 'seed: two,'));
    expect((await project.run('validate', 'p.yaml')).stderr).toContain(
      "'seed' takes a whole number from 0 to 9007199254740991, not 'two'",
    );
    project.write('p.yaml', pipeline.replace('seed: 2,', 'seed: $(axes.sede),'));
    expect((await project.run('validate', 'p.yaml')).stderr).toContain("'same' has no axis 'sede'");
  });
});
