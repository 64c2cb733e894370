import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createProject, type Project } from './ravelin.ts';

function projectWith(plugin: string): Project {
  return createProject({
    'package.json': '{ "ravelin": { "plugins": ["./mine.mjs"] } }',
    'mine.mjs': plugin,
    'p.yaml': 'ravelin: 1\nname: p\nplugins: [./mine.mjs]\nstages: { a: { uses: debug/mine } }\n',
  });
}

describe('a plugin that cannot be loaded to its end', () => {
  it.each([
    [
      'await new Promise(() => {});',
      'it waits at its top level for something that never happens',
      'remove the await',
    ],
    ["await import('./other.mjs');", 'it waits at its top level', 'remove the await'],
    ['process.exit(0);', 'ended the process while it was loaded', 'remove its process.exit()'],
    ['process.exit(7);', 'ended the process while it was loaded', 'remove its process.exit()'],
  ])('as with %s is an error, not a silent end', async (text, message, fix) => {
    const project = projectWith(text);
    project.write('other.mjs', 'await new Promise(() => {});');
    for (const command of [
      ['validate', 'p.yaml'],
      ['run', 'p.yaml', '--ui', 'quiet'],
    ]) {
      const { code, stderr } = await project.run(...command);
      expect({ code, stderr }).toMatchObject({ code: 2 });
      expect(stderr).toContain("the plugin './mine.mjs'");
      expect(stderr).toContain(message);
      expect(stderr).toContain(fix);
      expect(stderr).not.toMatch(/\n\s+at /);
    }
  });

  it('may await what comes', async () => {
    const project = projectWith(`await new Promise((done) => setTimeout(done, 1));\n${stage('')}`);
    expect(await project.run('validate', 'p.yaml')).toMatchObject({ code: 0, stderr: '' });
  });
});

function stage(body: string): string {
  return `import { defineStage, port, Type } from 'ravelin';
export const stages = [
  defineStage({
    uses: 'debug/mine',
    version: 1,
    summary: 'One row',
    with: Type.Object({}),
    in: {},
    out: { metrics: port('metrics', { description: 'one row' }) },
    run: () => {
      ${body}
      return { metrics: { kind: 'metrics', rows: [{ axes: {}, values: { x: 1 } }], warnings: [] } };
    },
  }),
];
`;
}

it.each([
  'null',
  '5',
  '{}',
  "{ type: 'committed', id: 0 }",
  "{ type: 'committed', id: 99, outputs: {}, seconds: 1, reused: false, peakBytes: 0 }",
  "{ type: 'failed', id: 0, failure: null }",
  "{ type: 'metric', id: 0, name: 'x', value: 1 }",
  "{ type: 'log', id: 'a' }",
  "{ type: 'alive' }",
])('a worker that sends %s goes on, and its log says so', async (message) => {
  const project = projectWith(stage(`process.send(${message});`));
  expect(await project.run('run', 'p.yaml', '--ui', 'quiet')).toMatchObject({ code: 0, stderr: '' });
  expect((await project.run('logs', 'a')).stdout).toContain(
    "a message that is not one of ravelin's was ignored",
  );
});

it('ends with its run, though a process that a stage started outlives it and holds its output', async () => {
  const project = projectWith(
    `import { spawn } from 'node:child_process';\nimport { writeFileSync } from 'node:fs';\n${stage(
      "const child = spawn('sleep', ['600'], { stdio: 'inherit' }); child.unref(); writeFileSync('pid', String(child.pid));",
    )}`,
  );
  const { code, stderr } = await project.run('run', 'p.yaml', '--ui', 'quiet');
  const pid = Number(readFileSync(project.path('pid'), 'utf8'));
  // The process is there still: kill throws otherwise.
  process.kill(pid, 'SIGKILL');
  expect({ code, stderr }).toMatchObject({ code: 0 });
});
