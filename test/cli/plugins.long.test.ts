import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createProject, type PlanJson, type Project } from './ravelin.ts';

const examples = readdirSync('examples/plugins').filter((name) => !name.includes('.test.'));

/** A folder with nothing but a pipeline and the example plugins: no node_modules, as beside a global install. */
function projectWithExamples(files: Readonly<Record<string, string>> = {}): Project {
  const plugins = examples.map((name) => `./plugins/${name}`);
  return createProject({
    'package.json': JSON.stringify({ ravelin: { plugins } }),
    ...Object.fromEntries(
      examples.map((name) => [`plugins/${name}`, readFileSync(`examples/plugins/${name}`, 'utf8')]),
    ),
    ...files,
  });
}

const pipeline = `ravelin: 1
name: plugins
seed: 3
plugins: [./plugins/mi-fgsm.mjs, ./plugins/gaussian-blur.mjs, ./plugins/resize-and-pad.mjs, ./plugins/top-k.mjs, ./plugins/confusion.mjs]
defaults: { shard: 8 }
stages:
  digits: { uses: dataset/mnist, with: { limit: 12 } }
  training: { uses: dataset/mnist, with: { split: train, limit: 200 } }
  network: { uses: model/cnn, with: { filters: [4], dense: [8] } }
  blur: { uses: defense/gaussian-blur, with: { sigma: 0.8 } }
  random: { uses: defense/resize-and-pad, with: { draws: 2 } }
  plain: { uses: train/sgd, in: { model: network, images: training }, with: { epochs: 2 } }
  blurred: { uses: train/sgd, in: { model: network, images: training, transform: blur.transform }, with: { epochs: 1 } }
  by-epsilon: { uses: attack/my-mi-fgsm, in: { model: plain, images: digits }, with: { epsilon: 0.1, steps: 3 } }
  by-target: { uses: attack/my-mi-fgsm, in: { model: plain, images: digits }, with: { dissimilarity: 0.2, steps: 3 } }
  through-blur: { uses: attack/my-mi-fgsm, in: { model: plain, images: digits, through: blur.transform }, with: { epsilon: 0.1, steps: 3 } }
  through-random: { uses: attack/my-mi-fgsm, in: { model: plain, images: digits, through: random.transform }, with: { epsilon: 0.1, steps: 3, eot: 2 } }
  ensemble: { uses: attack/my-mi-fgsm, in: { models: [plain, blurred], images: digits }, with: { epsilon: 0.1, steps: 3 } }
  defended: { uses: defense/gaussian-blur, in: { images: by-epsilon } }
  predictions: { uses: predict/classify, in: { model: plain, images: defended } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions, originals: digits } }
  top: { uses: evaluate/top-k, in: { predictions: predictions }, with: { k: 3 } }
  table:
    uses: report/table
    in: { scores: [scores, top] }
    with: { value: [accuracy, topAccuracy] }
    publish: results/table.csv
  matrix: { uses: report/confusion, in: { predictions: predictions }, publish: results/confusion.md }
`;

describe('a project with a plugin of each kind, without ravelin installed beside it', () => {
  const project = projectWithExamples({ 'p.yaml': pipeline });
  const planned = async (): Promise<PlanJson> => (await project.json('plan', 'p.yaml', '--json')) as PlanJson;
  const toRun = async (): Promise<readonly string[]> =>
    (await planned()).cells.filter(({ shards }) => shards.run > 0).map(({ cell }) => cell);
  beforeAll(async () => {
    expect(await project.run('run', 'p.yaml', '--ui', 'quiet')).toMatchObject({ code: 0, stderr: '' });
  });

  it('attacks by epsilon, by target dissimilarity, through defenses and on an ensemble', async () => {
    for (const cell of ['by-epsilon', 'through-blur', 'through-random', 'ensemble']) {
      const { l2, linf } = await moved(cell);
      expect(linf).toBeLessThanOrEqual(0.1 + 1e-6);
      expect(l2).toBeGreaterThan(0.5);
    }
    expect(Math.abs((await moved('by-target')).dissimilarity - 0.2)).toBeLessThanOrEqual(0.002);
  });

  /** Means over the images of what an attack recorded. */
  async function moved(cell: string): Promise<Record<'l2' | 'linf' | 'dissimilarity', number>> {
    const { code, stderr } = await project.run('export', 'p.yaml', cell, '--to', `${cell}.safetensors`);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const { decodeSafetensors } = await import('../../src/values/safetensors.ts');
    const { tensors } = decodeSafetensors(readFileSync(project.path(`${cell}.safetensors`)));
    const mean = (name: string): number => {
      const values = tensors[name]!.data as Float32Array;
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    return {
      l2: mean('perturbation.l2'),
      linf: mean('perturbation.linf'),
      dissimilarity: mean('perturbation.dissimilarity'),
    };
  }

  it('shows a metric of its own beside the built-in scores, and publishes a report of its own', () => {
    const [head] = readFileSync(project.path('results/table.csv'), 'utf8').split('\n');
    expect(head).toContain('accuracy');
    expect(head).toContain('topAccuracy');
    expect(readFileSync(project.path('results/confusion.md'), 'utf8')).toContain('| true \\ predicted | 0 |');
  });

  it('has them in ravelin stages, in the schema and in completion', async () => {
    const { stdout } = await project.run('stages');
    for (const uses of ['attack/my-mi-fgsm', 'defense/gaussian-blur', 'evaluate/top-k', 'report/confusion'])
      expect(stdout).toContain(uses);
    expect((await project.run('stages', 'attack/my-mi-fgsm')).stdout).toContain('decay');
    expect((await project.run('schema')).stdout).toContain('attack/my-mi-fgsm');
    expect((await project.run('completion', 'bash')).stdout).toContain('ravelin stages');
  });

  it('computes again what a change of the source decides, and nothing for another name of the file', async () => {
    expect(await toRun()).toEqual([]);
    const blur = readFileSync(project.path('plugins/gaussian-blur.mjs'), 'utf8');
    project.write('plugins/gaussian-blur.mjs', blur.replace('3 * sigma', '4 * sigma'));
    // The recipe carries the source: whoever trains on it or goes through it has it in its key too.
    const changed = [
      'blur',
      'blurred',
      'through-blur',
      'ensemble',
      'defended',
      'predictions',
      'scores',
      'top',
    ];
    expect(await toRun()).toEqual(expect.arrayContaining(changed));
    expect(await toRun()).not.toContain('by-epsilon');
    const why = await project.run('why', 'p.yaml', 'blur');
    expect(why.stdout).toContain('the source of the plugin ./plugins/gaussian-blur.mjs changed');
    project.write('plugins/gaussian-blur.mjs', blur);
    expect(await toRun()).toEqual([]);

    renameSync(project.path('plugins/gaussian-blur.mjs'), project.path('plugins/smooth.mjs'));
    for (const file of ['p.yaml', 'package.json'])
      project.write(
        file,
        readFileSync(project.path(file), 'utf8').replaceAll('gaussian-blur.mjs', 'smooth.mjs'),
      );
    expect(await toRun()).toEqual([]);
  });

  it('counts the local modules that a plugin imports as its source', async () => {
    project.write('plugins/rule.mjs', 'export const factor = 1;\n');
    const attack = readFileSync(project.path('plugins/mi-fgsm.mjs'), 'utf8');
    project.write(
      'plugins/mi-fgsm.mjs',
      `import { factor } from './rule.mjs';\n${attack.replace('momentum(decay)', 'momentum(factor * decay)')}`,
    );
    await project.run('run', 'p.yaml', 'by-epsilon', '--ui', 'quiet');
    expect(await toRun()).not.toContain('by-epsilon');
    project.write('plugins/rule.mjs', 'export const factor = 0.5;\n');
    expect(await toRun()).toContain('by-epsilon');
  });
});

describe('ravelin new', () => {
  const kinds = ['attack', 'defense', 'metric', 'report', 'dataset'];

  it('writes plugins that work, with tests that pass, and allows them', async () => {
    const project = createProject({ 'package.json': '{\n    "name": "lab"\n}\n' });
    for (const kind of kinds) expect(await project.run('new', kind, `my-${kind}`)).toMatchObject({ code: 0 });
    expect(JSON.parse(readFileSync(project.path('package.json'), 'utf8'))).toEqual({
      name: 'lab',
      ravelin: { plugins: kinds.map((kind) => `./plugins/my-${kind}.mjs`) },
    });
    const { stdout } = await project.run('stages');
    for (const uses of [
      'attack/my-attack',
      'defense/my-defense',
      'evaluate/my-metric',
      'report/my-report',
      'dataset/my-dataset',
    ])
      expect(stdout).toContain(uses);
    const tested = await project.run('test');
    expect(tested).toMatchObject({ code: 0 });
    expect(tested.stdout).toMatch(/fail 0/);
  });

  it('tests a plugin without a test of its own by the invariants of its kind, and fails if one does not hold', async () => {
    const project = projectWithExamples();
    const good = await project.run('test', 'mi-fgsm', 'top-k');
    expect(good.code).toBe(0);
    expect(good.stdout).toContain('attack/my-mi-fgsm gives the same bytes in shards as at once');
    const blur = readFileSync('examples/plugins/gaussian-blur.mjs', 'utf8');
    project.write(
      'plugins/gaussian-blur.mjs',
      blur.replace('result[to] += weight', 'result[to] += 2 * weight'),
    );
    const bad = await project.run('test', 'gaussian-blur');
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/are not all in \[0, 1\]/);
  });

  it.each([
    [['new', 'attak', 'mine'], "unknown kind of plugin 'attak'"],
    [['new', 'attack', 'My Attack'], "'My Attack' cannot name a stage"],
    [['new', 'attack', 'mine', '--randomised'], '--randomised is for defenses'],
    [['test'], 'allows no plugin of the project'],
  ])('%j is refused with the reason', async (command, reason) => {
    const outcome = await createProject({ 'package.json': '{}' }).run(...command);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain(reason);
  });

  it('leaves nothing of its template in a plugin, and writes a randomised defense', async () => {
    const project = createProject({ 'package.json': '{}' });
    for (const kind of kinds) await project.run('new', kind, `red-${kind}`);
    expect(await project.run('new', 'defense', 'blue', '--randomised')).toMatchObject({ code: 0 });
    const text = (name: string): string => readFileSync(project.path(`plugins/${name}.mjs`), 'utf8');
    for (const kind of kinds) {
      expect(text(`red-${kind}`)).toContain(`summary: 'Red ${kind}: `);
      expect(text(`red-${kind}`) + text(`red-${kind}.test`)).not.toMatch(
        /my-|My |plugin|fgsm|et al|Confusion|blur|TODO/i,
      );
    }
    expect(text('blue')).toContain('views: ({ draws }) => draws');
    // A test does not name the parameters of its template.
    const blue = text('blue').replaceAll('probability', 'share').replaceAll('draws', 'views');
    project.write('plugins/blue.mjs', blue);
    expect(await project.run('test', 'blue')).toMatchObject({ code: 0 });
  });

  it('takes no name that a built-in stage or another plugin has', async () => {
    const project = createProject({ 'package.json': '{}' });
    const builtIn = await project.run('new', 'attack', 'fgsm');
    expect(builtIn).toMatchObject({ code: 2 });
    expect(builtIn.stderr).toContain('the stage type attack/fgsm is built in\n  fix: give another name');
    await project.run('new', 'metric', 'mine');
    renameSync(project.path('plugins/mine.mjs'), project.path('plugins/other.mjs'));
    renameSync(project.path('plugins/mine.test.mjs'), project.path('plugins/other.test.mjs'));
    project.write('package.json', '{ "ravelin": { "plugins": ["./plugins/other.mjs"] } }');
    const owned = await project.run('new', 'metric', 'mine');
    expect(owned.stderr).toContain("evaluate/mine is declared by the plugin './plugins/other.mjs'");
  });

  it('overwrites nothing', async () => {
    const project = createProject({ 'package.json': '{}' });
    await project.run('new', 'attack', 'mine');
    const again = await project.run('new', 'attack', 'mine');
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('exists');
  });
});

describe('a plugin that cannot be used', () => {
  const stages = 'ravelin: 1\nname: p\nplugins: [./mine.mjs]\nstages: { a: { uses: dataset/mnist } }\n';

  it('is refused unless the project allows it', async () => {
    const project = createProject({
      'p.yaml': stages,
      'mine.mjs': 'export const stages = [];',
      'package.json': '{}',
    });
    const { code, stderr } = await project.run('plan', 'p.yaml');
    expect(code).toBe(2);
    expect(stderr).toContain("the plugin './mine.mjs' is not allowed in this project");
  });

  it.each([
    ['does not exist', undefined, 'does not exist'],
    ['has a syntax error', 'export const = 1;', 'cannot be loaded'],
    ['exports something else', 'export const attack = 1;', "does not export a list 'stages'"],
    ['exports what is not a stage', 'export const stages = [{}];', 'stages[0]'],
    [
      'has a stage without a name of two parts',
      "import { defineStage, Type } from 'ravelin';\nexport const stages = [defineStage({ uses: 'mine', version: 1, summary: '', with: Type.Object({}), in: {}, out: {}, run: () => {} })];",
      'is not of the form folder/name',
    ],
    [
      'declares a built-in stage',
      "import { attackStage } from 'ravelin';\nexport const stages = [attackStage({ uses: 'attack/fgsm', version: 1, summary: '', strength: { name: 'epsilon', minimum: 0, maximum: 1, description: 'radius' }, with: {}, example: { epsilon: 0.1 }, attack: () => {} })];",
      'declares attack/fgsm, which is built in',
    ],
  ])('because it %s says so', async (_, source, reason) => {
    const project = createProject({
      'p.yaml': stages,
      'package.json': '{ "ravelin": { "plugins": ["./mine.mjs"] } }',
      ...(source !== undefined && { 'mine.mjs': source }),
    });
    const { code, stderr } = await project.run('plan', 'p.yaml');
    expect(code).toBe(2);
    expect(stderr).toContain(reason);
    expect(stderr).not.toMatch(/\n\s+at /);
    // The commands that need no plugin go on with the built-in stages.
    expect(await project.run('stages')).toMatchObject({ code: 0 });
  });

  it.each(['{ "ravelin": { "plugins": "./mine.mjs" } }', '{ not JSON'])(
    'says what is wrong with package.json: %s',
    async (manifest) => {
      const project = createProject({ 'p.yaml': stages, 'mine.mjs': '', 'package.json': manifest });
      const { code, stderr } = await project.run('plan', 'p.yaml');
      expect(code).toBe(2);
      expect(stderr).toContain('package.json');
    },
  );
});

const guide = readFileSync('docs/extending.md', 'utf8');

it('the pipeline of the guide is valid', async () => {
  const [whole] = /(?<=^```yaml fragment\n)ravelin: 1\n[^]*?(?=^```$)/m.exec(guide)!;
  const project = projectWithExamples({ 'p.yaml': whole });
  expect(await project.run('validate', 'p.yaml')).toMatchObject({ code: 0, stderr: '' });
});

it('every example plugin is in the guide, to the letter', () => {
  const blocks = [...guide.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, text]) => text!);
  for (const name of examples) expect(blocks).toContain(readFileSync(`examples/plugins/${name}`, 'utf8'));
  // At most one page, as promised.
  expect(readFileSync('examples/plugins/mi-fgsm.mjs', 'utf8').split('\n').length).toBeLessThanOrEqual(61);
  expect(parse(pipeline)).toHaveProperty('stages');
});
