import { execFileSync } from 'node:child_process';
import { rmSync, symlinkSync } from 'node:fs';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { createProject, type Project } from './ravelin.ts';

const constant = 'ravelin: 1\nname: p\nstages:\n  a: { uses: debug/constant, with: { value: 1 } }\n';

describe('a pipeline file', () => {
  const project = createProject();

  it('may begin with a byte order mark', async () => {
    project.write('bom.yaml', `\ufeff${constant}`);
    expect(await project.run('validate', 'bom.yaml')).toMatchObject({
      code: 0,
      stdout: 'bom.yaml: ok, 1 stage, 1 cell',
    });
  });

  it('in UTF-16 is refused with what to do', async () => {
    project.write('wide.yaml', Buffer.from(`\ufeff${constant}`, 'utf16le'));
    for (const command of ['validate', 'plan', 'run']) {
      const { code, stderr } = await project.run(command, 'wide.yaml');
      expect(code).toBe(2);
      expect(stderr).toContain('wide.yaml is a text in UTF-16, not in UTF-8');
      expect(stderr).toContain('fix: save it as UTF-8');
    }
  });

  it('that is a named pipe is refused, and nobody waits for a writer', async () => {
    execFileSync('mkfifo', [project.path('pipe.yaml')]);
    const { code, stderr } = await project.run('validate', 'pipe.yaml');
    expect(code).toBe(2);
    expect(stderr).toContain('pipe.yaml is a named pipe, not a file');
  });
});

describe('package.json', () => {
  const plugin = `import { defineStage, port, Type } from 'ravelin';
export const stages = [defineStage({ uses: 'debug/one', version: 1, summary: 'One', with: Type.Object({}), in: {},
  out: { value: port('metrics', { description: 'one' }) }, shard: 'whole',
  run: () => ({ value: { kind: 'metrics', rows: [] } }) })];\n`;
  const project = createProject({ 'one.mjs': plugin, 'p.yaml': `plugins: [./one.mjs]\n${constant}` });

  it('may begin with a byte order mark', async () => {
    project.write('package.json', '\ufeff{ "ravelin": { "plugins": ["./one.mjs"] } }');
    expect((await project.run('stages', '--json')).code).toBe(0);
    expect(await project.run('validate', 'p.yaml')).toMatchObject({ code: 0 });
  });

  it.each([
    ['{ "ravelin": { "plugins": ["./one.mjs",] } }', ":1:40 is not JSON: a comma stands before ']'"],
    ['{\n  // mine\n  "ravelin": {}\n}', ':2:3 is not JSON: comments are not allowed'],
    ['null', "the plugin './one.mjs' is not allowed"],
  ])('that is %j is named, without a stack', async (content, sentence) => {
    project.write('package.json', content);
    const { code, stderr } = await project.run('validate', 'p.yaml');
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
  });
});

describe('files of a dataset', () => {
  let project: Project;
  let image: Buffer;
  beforeAll(async () => {
    const create = { width: 4, height: 4, channels: 3 as const, background: '#123456' };
    image = await sharp({ create }).png().toBuffer();
    project = createProject({
      'p.yaml':
        'ravelin: 1\nname: p\nstages:\n  d: { uses: dataset/image-folder, with: { path: data, limit: 2, stratify: true } }\n',
    });
    project.write('data/a/1.png', image);
    project.write('data/c/1.png', image);
  });

  it('that are links to nothing or named pipes are named by plan', async () => {
    symlinkSync('/nonexistent.png', project.path('data/a/0.png'));
    const { stdout } = await project.run('plan', 'p.yaml');
    expect(stdout).toContain(
      `${project.path('data/a/0.png')} links to /nonexistent.png, which does not exist`,
    );
    rmSync(project.path('data/a/0.png'));
    execFileSync('mkfifo', [project.path('data/a/0.png')]);
    const second = await project.run('plan', 'p.yaml');
    expect(second.stdout).toContain(`${project.path('data/a/0.png')} is a named pipe, not a file`);
    rmSync(project.path('data/a/0.png'));
  });

  it('are decoded again if another file gives one of them another id, though they are the same', async () => {
    expect((await project.run('run', 'p.yaml')).code).toBe(0);
    expect(await project.json('plan', 'p.yaml', '--json')).toMatchObject({ totals: { reuse: 1, run: 0 } });
    project.write('data/a/2.png', image);
    expect(await project.json('plan', 'p.yaml', '--json')).toMatchObject({ totals: { reuse: 0, run: 1 } });
    const { stdout } = await project.run('why', 'p.yaml', 'd');
    expect(stdout).toContain('the classes, labels or ids of the images changed');
  });
});
