import { appendFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { startPlain } from './conducted-project.ts';
import { createProject } from './ravelin.ts';

const constant = (levels: Readonly<Record<string, number>>): string => `ravelin: 1
name: constant
stages:
  score:
    uses: debug/constant
    matrix:
      level:
${Object.entries(levels)
  .map(([label, value]) => `        ${label}: { with: { value: ${value} } }`)
  .join('\n')}
`;

it('runs diff shows parameters and scores of two runs side by side', async () => {
  const project = createProject({ 'p.yaml': constant({ low: 0.25, high: 0.5 }) });
  expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
  project.write('p.yaml', constant({ low: 0.25, high: 0.75, top: 0.9 }));
  expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
  const runs = (await project.json('runs', 'ls', '--json')) as readonly { readonly run: string }[];
  const [before, after] = runs.map(({ run }) => run) as [string, string];
  const { stdout } = await project.run('runs', 'diff', before, after);
  expect(stdout.split('\n').map((line) => line.trimEnd())).toEqual([
    `${before} → ${after}`,
    'with.value 0.5 → 0.75: score[level=high]',
    `only in ${after}: score[level=top]`,
    '',
    'row                score  before  after   difference',
    'score[level=high]  value  0.5000  0.7500  +0.250',
    '',
    '1 other score differs or is only in one of the runs: add --all, or --metric NAME',
  ]);
  const whole = await project.run('runs', 'diff', before, after, '--all');
  expect(whole.stdout.split('\n').slice(-2)).toEqual([
    'score[level=high]  value  0.5000  0.7500  +0.250',
    expect.stringMatching(/^score\[level=top\] {3}value {10}0\.9000 *$/),
  ]);
  const same = await project.run('runs', 'diff', after, after);
  expect(same.stdout).toBe(`${after} → ${after}\nthe same recipes\nthe same scores`);
  expect((await project.run('runs', 'diff', after, 'nonsense')).code).toBe(2);
});

const plugin = `import { defineStage, port, Type } from 'ravelin';
export const stages = [
  defineStage({
    uses: 'evaluate/two',
    version: 1,
    summary: 'Numbers of two kinds',
    with: Type.Object({ accuracy: Type.Number({ description: 'a share' }), distance: Type.Number({ description: 'pixels' }) }),
    in: {},
    out: { metrics: port('metrics', { description: 'one row' }) },
    run: ({ params }) => ({ metrics: { kind: 'metrics', rows: [{ axes: {}, values: params }], warnings: [] } }),
  }),
];
`;

describe('two runs of an evaluation', () => {
  const project = createProject({
    'package.json': '{ "ravelin": { "plugins": ["./two.mjs"] } }',
    'two.mjs': plugin,
    'p.yaml': `ravelin: 1
name: twice
plugins: [./two.mjs]
params: { accuracy: 0.5, distance: 1.5 }
stages:
  a: { uses: evaluate/two, with: { accuracy: $(params.accuracy), distance: $(params.distance) } }
  b: { uses: evaluate/two, with: { accuracy: 0.25, distance: $(params.distance) } }
`,
  });
  let ids: readonly string[] = [];
  beforeAll(async () => {
    const words = ['-S', 'params.accuracy=0.75', '-S', 'params.distance=2.5'];
    for (const more of [[], words])
      expect((await project.run('run', 'p.yaml', '--ui', 'quiet', ...more)).code).toBe(0);
    ids = ((await project.json('runs', '--json')) as { run: string }[]).map(({ run }) => run);
  });
  const diff = async (...more: readonly string[]): Promise<readonly string[]> => {
    const { code, stdout } = await project.run('runs', 'diff', ...ids, ...more);
    expect(code).toBe(0);
    return stdout.split('\n').map((line) => line.trimEnd());
  };

  it('are compared by accuracy, and the numbers that are left out are counted', async () => {
    expect((await diff()).slice(3)).toEqual([
      '',
      'row  score     before  after   difference',
      'a    accuracy  0.5000  0.7500  +0.250',
      '',
      '2 other scores differ or are only in one of the runs: add --all, or --metric NAME',
    ]);
  });

  it('are compared by what is named, or by everything', async () => {
    expect((await diff('--metric', 'distance')).slice(5)).toEqual([
      'a    distance  1.500   2.500  +1.00',
      'b    distance  1.500   2.500  +1.00',
    ]);
    expect((await diff('--all')).slice(5)).toHaveLength(3);
    const { code, stderr } = await project.run('runs', 'diff', ...ids, '--metric', 'acuracy');
    expect(code).toBe(2);
    expect(stderr).toContain("did you mean 'accuracy'?");
  });

  it('have everything in JSON', async () => {
    const { scores } = (await project.json('runs', 'diff', ...ids, '--json')) as { scores: unknown[] };
    expect(scores).toHaveLength(3);
    expect(scores[0]).toEqual({
      row: 'a',
      name: 'accuracy',
      before: 0.5,
      after: 0.75,
      intervals: null,
    });
  });

  it('are listed with their time, what they were given and a chosen score', async () => {
    const { stdout } = await project.run('runs', '--metric', 'accuracy');
    const [head, first, second] = stdout.split('\n');
    expect(head).toMatch(/^run +status +pipeline +started +took +work +accuracy +with +changed/);
    expect(first).toMatch(
      / ok +twice +\d{4}-\d\d-\d\d \d\d:\d\d +[\d.:]+(?: s)? +2 shards ran, .* 0\.2500 to 0\.5000 \(2 rows\)/,
    );
    expect(second).toMatch(
      / 0\.2500 to 0\.7500 \(2 rows\) +-S params\.accuracy=0\.75 -S params\.distance=2\.5 +accuracy 0\.5 → 0\.75, distance 1\.5 → 2\.5$/,
    );
    expect(await project.json('runs', '--json', '--metric', 'distance')).toMatchObject([
      {
        run: ids[0],
        startedAt: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
        choices: null,
        distance: [1.5, 1.5],
      },
      { choices: { set: ['params.accuracy=0.75', 'params.distance=2.5'] }, distance: [2.5, 2.5] },
    ]);
    expect((await project.run('runs', '--metric', 'nonsense')).code).toBe(2);
  });

  it('are listed by the name or the file of their pipeline', async () => {
    project.write('other.yaml', constant({ low: 1 }));
    await project.run('run', 'other.yaml', '--ui', 'quiet');
    const listed = async (pipeline: string): Promise<number> =>
      ((await project.json('runs', 'ls', '--json', '--pipeline', pipeline)) as unknown[]).length;
    expect([await listed('twice'), await listed('p.yaml'), await listed('other.yaml')]).toEqual([2, 2, 1]);
    expect(await listed('nothing')).toBe(0);
  });
});

it('run --watch runs again when the pipeline changes, and outlives mistakes in it', async () => {
  const project = createProject({ 'p.yaml': constant({ low: 0.25 }) });
  const run = startPlain(project, 'run', 'p.yaml', '--watch', '--ui', 'plain');
  await run.says(/1 shards? ran, 0 reused[^]*watching 1 file;/);
  writeFileSync(project.path('p.yaml'), constant({ low: 0.25, high: 0.5 }));
  await run.says(/changed: p\.yaml[^]*1 shards? ran, 1 reused[^]*watching 1 file;/);
  appendFileSync(project.path('p.yaml'), '  broken: { uses: debug/nothing }\n');
  await run.says(/changed: p\.yaml[^]*debug\/nothing[^]*watching 1 file;/);
  writeFileSync(project.path('p.yaml'), constant({ low: 0.25, high: 0.5 }));
  await run.says(/changed: p\.yaml[^]*0 shards? ran, 2 reused[^]*watching 1 file;/);
});
