import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createProject, type Project } from './ravelin.ts';

/** A plugin that leaves a mark wherever it is loaded. */
const plugin = `import { appendFileSync } from 'node:fs';
import { defineStage, port, Type } from 'ravelin';
appendFileSync(new URL('loaded', import.meta.url), process.argv.slice(2).join(' ') + '\\n');
export const stages = [
  defineStage({
    uses: 'debug/mark',
    version: 1,
    summary: 'One row',
    with: Type.Object({}),
    in: {},
    out: { metrics: port('metrics', { description: 'one row' }) },
    run: () => ({ metrics: { kind: 'metrics', rows: [{ axes: {}, values: { x: 1 } }], warnings: [] } }),
  }),
];
`;

/** A project as it comes from elsewhere: the plugin, and beside it the line that allows it. */
const clone = (environment: Readonly<Record<string, string>> = {}): Project =>
  createProject(
    {
      'package.json': '{ "ravelin": { "plugins": ["./mark.mjs"] } }',
      'mark.mjs': plugin,
      'p.yaml': 'ravelin: 1\nname: p\nplugins: [./mark.mjs]\nstages: { a: { uses: debug/mark } }\n',
    },
    { RAVELIN_TRUST: '', ...environment },
  );

const isLoaded = (project: Project): boolean => existsSync(project.path('loaded'));

describe('the plugins of a project that nobody has trusted', () => {
  it.each([
    ['validate', 'p.yaml'],
    ['plan', 'p.yaml'],
    ['status', 'p.yaml'],
    ['dag', 'p.yaml'],
    ['why', 'p.yaml', 'a'],
    ['run', 'p.yaml', '--ui', 'quiet'],
    ['export', 'p.yaml', 'a', '--to', 'out'],
    ['test'],
  ])('are not loaded by %s, which says how to trust it', async (...command) => {
    const project = clone();
    const { code, stderr } = await project.run(...command);
    expect(code).toBe(2);
    expect(stderr.match(/this project is not trusted on this machine/g)).toHaveLength(1);
    expect(stderr).toContain('look at them, then run: ravelin trust');
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(isLoaded(project)).toBe(false);
  });

  it.each([['stages'], ['schema'], ['completion', 'bash'], ['new', 'metric', 'mine'], ['init', 'first']])(
    'are not loaded by %s, which goes on without them',
    async (...command) => {
      const project = clone();
      expect(await project.run(...command)).toMatchObject({ code: 0 });
      expect(isLoaded(project)).toBe(false);
    },
  );

  it('are loaded after ravelin trust, which names them, until it is taken back', async () => {
    const project = clone();
    const given = await project.run('trust');
    expect(given).toMatchObject({ code: 0 });
    expect(given.stdout).toContain('./mark.mjs');
    expect(isLoaded(project)).toBe(false);
    expect(await project.run('run', 'p.yaml', '--ui', 'quiet')).toMatchObject({ code: 0, stderr: '' });
    expect(isLoaded(project)).toBe(true);
    await project.run('trust', '--remove');
    expect(await project.run('validate', 'p.yaml')).toMatchObject({ code: 2 });
  });

  it('are loaded by a single command with --trust, and by all of them with RAVELIN_TRUST=1', async () => {
    const project = clone();
    expect(await project.run('validate', 'p.yaml', '--trust')).toMatchObject({ code: 0 });
    expect(await project.run('--trust', 'validate', 'p.yaml')).toMatchObject({ code: 0 });
    expect(await project.run('validate', 'p.yaml')).toMatchObject({ code: 2 });
    expect(await clone({ RAVELIN_TRUST: '1' }).run('validate', 'p.yaml')).toMatchObject({ code: 0 });
  });

  it('are not trusted because of another project, or of a file in this one', async () => {
    const trusted = clone();
    await trusted.run('trust');
    const home = { RAVELIN_HOME: trusted.path('home') };
    expect(await clone(home).run('validate', 'p.yaml')).toMatchObject({ code: 2 });
    const config = clone({ RAVELIN_HOME: '', XDG_CONFIG_HOME: trusted.path('config') });
    expect(await config.run('validate', 'p.yaml')).toMatchObject({ code: 2 });
    await config.run('trust');
    expect(await config.run('validate', 'p.yaml')).toMatchObject({ code: 0 });
    expect(existsSync(trusted.path('config/ravelin/trusted-projects'))).toBe(true);
  });
});

it('a project whose first plugin the user has ravelin write is trusted', async () => {
  const project = createProject({ 'package.json': '{}' }, { RAVELIN_TRUST: '' });
  const { stdout } = await project.run('new', 'metric', 'mine');
  expect(stdout).not.toContain('ravelin trust');
  expect((await project.run('stages')).stdout).toContain('evaluate/mine');
});

it('a plugin that is added to a project that nobody has trusted does not make it trusted', async () => {
  const project = clone();
  const { stdout } = await project.run('new', 'metric', 'mine');
  expect(stdout).toContain('ravelin trust ');
  expect((await project.run('stages')).stdout).not.toContain('evaluate/mine');
});

describe('flags for sbatch that package.json allows', () => {
  const project = createProject(
    {
      'package.json': '{ "ravelin": { "slurmFlags": ["--export=NONE"] } }',
      'p.yaml':
        'ravelin: 1\nname: p\nexecutor: { uses: slurm, flags: ["--export=NONE"] }\nstages: { a: { uses: debug/sleep, with: { ms: 0 } } }\n',
    },
    { RAVELIN_TRUST: '' },
  );

  it('take effect in a trusted project, and no longer when they are taken out', async () => {
    const refused = await project.run('plan', 'p.yaml');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("a pipeline may not give '--export=NONE' to sbatch");
    await project.run('trust');
    expect((await project.run('run', 'p.yaml', '-n')).stdout).toContain('#SBATCH --export=NONE');
    project.write('package.json', '{}');
    expect(await project.run('plan', 'p.yaml')).toMatchObject({ code: 2 });
  });
});

it.each([
  ['null', 0, ''],
  ['5', 0, ''],
  ['{ "ravelin": 5 }', 2, '"ravelin" in '],
  ['{ "ravelin": { "plugins": "./mark.mjs" } }', 2, 'is not a list of names'],
  ['{ "ravelin": { "plugins": [5] } }', 2, 'is not a list of names'],
  ['{ "ravelin": { "slurmFlags": "--export=NONE" } }', 2, 'is not a list of names'],
  ['{', 2, 'is not JSON'],
])('package.json as %s', async (text, code, message) => {
  const project = createProject({ 'package.json': text });
  const outcome = await project.run('stages');
  expect(outcome.code).toBe(code);
  expect(outcome.stderr).toContain(message);
  expect(outcome.stderr).not.toMatch(/\n\s+at /);
  expect(readFileSync(project.path('package.json'), 'utf8')).toBe(text);
});
