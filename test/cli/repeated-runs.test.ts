import { appendFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
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
    'score[level=top]   value          0.9000',
  ]);
  const same = await project.run('runs', 'diff', after, after);
  expect(same.stdout).toBe(`${after} → ${after}\nthe same recipes\nthe same scores`);
  expect((await project.run('runs', 'diff', after, 'nonsense')).code).toBe(2);
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
