import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProject } from './ravelin.ts';

describe('init', () => {
  const project = createProject();

  it.each([
    ['mnist', 'quickstart'],
    ['figure', 'figure-4-mnist'],
    ['cifar', 'adaptive-cifar'],
    ['imagenet', 'defenses-imagenet'],
    ['adaptive', 'adaptive'],
    ['plugin', 'plugin'],
    ['own-model', 'own-model'],
  ])(
    '--template %s writes a pipeline of its own folder, which is right but for its data',
    async (name, title) => {
      const { code, stdout } = await project.run('init', name, '--template', name);
      expect(code).toBe(0);
      expect(stdout).toContain(`next:  cd ${name} && ravelin run`);
      const text = readFileSync(project.path(`${name}/pipeline.ravelin.yaml`), 'utf8');
      expect(text).toContain(`name: ${title}\n`);
      expect(text).not.toContain('../');
      const valid = await project.run('validate', `${name}/pipeline.ravelin.yaml`);
      expect(valid.code).toBe(0);
      expect(valid.stderr.match(/ error\[/)).toBe(null);
      expect(readFileSync(project.path(`${name}/.gitignore`), 'utf8')).toBe(
        '.ravelin/\ndata/\nweights/\nresults/\nnode_modules/\n',
      );
    },
  );

  it.each([
    ['mnist', 'quickstart.md', /^\| i-fgsm \| jpeg +\|/m],
    ['adaptive', 'adaptive.md', /^\| tvm +\| black-box \|/m],
    ['plugin', 'plugin.md', /^\| mine +\| jpeg +\|/m],
  ])('the pipeline of --template %s runs in small', async (name, table, row) => {
    const { code, stderr } = await project.run(
      'run',
      `${name}/pipeline.ravelin.yaml`,
      '-p',
      'smoke',
      '--ui',
      'quiet',
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(readFileSync(project.path(`${name}/results/${table}`), 'utf8')).toMatch(row);
  });

  it('--template plugin writes a plugin that is allowed, trusted and known to the schema', async () => {
    const untrusted = createProject({}, { RAVELIN_TRUST: '' });
    expect((await untrusted.run('init', 'new', '--template', 'plugin')).code).toBe(0);
    expect(JSON.parse(readFileSync(untrusted.path('new/package.json'), 'utf8'))).toEqual({
      private: true,
      ravelin: { plugins: ['./plugins/my-attack.mjs'] },
    });
    expect(readFileSync(untrusted.path('new/pipeline.schema.json'), 'utf8')).toContain('attack/my-attack');
    expect(await untrusted.run('validate', 'new/pipeline.ravelin.yaml')).toMatchObject({
      code: 0,
      stderr: '',
    });
    const { code, stderr } = await untrusted.run('init', 'new', '--template', 'plugin');
    expect(code).toBe(2);
    expect(stderr).toContain('already exists\n  fix: give another folder, or --force to overwrite it');
  });

  it('--template own-model writes a module that may run only once the project is trusted', async () => {
    const untrusted = createProject({}, { RAVELIN_TRUST: '' });
    const { code: made, stdout } = await untrusted.run('init', 'new', '--template', 'own-model');
    expect(made).toBe(0);
    expect(stdout).toMatch(
      /\nfirst: {2}\(cd new && python my_model\.py\) .*\nnext: {2}cd new && ravelin run/,
    );
    const text = readFileSync(untrusted.path('new/pipeline.ravelin.yaml'), 'utf8');
    const inPython = /^# +(network: \{ uses: model\/python.*)$/m.exec(text)![1]!;
    untrusted.write('new/python.yaml', text.replace(/network: \{ uses: model\/onnx.*/, inPython));
    const { code, stderr } = await untrusted.run('validate', 'new/python.yaml');
    expect(code).toBe(0);
    expect(stderr).toContain(
      "the module 'my_model.py' is code, and this project is not trusted on this machine",
    );
    expect(await project.run('validate', untrusted.path('new/python.yaml'))).toMatchObject({
      code: 0,
      stderr: '',
    });
  });

  it('writes a schema of less than 250 kB, which the pipeline names', () => {
    expect(statSync(project.path('mnist/pipeline.schema.json')).size).toBeLessThan(250_000);
    expect(readFileSync(project.path('mnist/pipeline.ravelin.yaml'), 'utf8')).toMatch(
      /^# yaml-language-server: \$schema=pipeline\.schema\.json\n/,
    );
  });

  it('ignores what can be computed or downloaded again, each once', async () => {
    project.write('mine/.gitignore', '/data\nnotes');
    expect((await project.run('init', 'mine')).code).toBe(0);
    expect((await project.run('init', 'mine', '--force')).code).toBe(0);
    expect(readFileSync(project.path('mine/.gitignore'), 'utf8')).toBe(
      '/data\nnotes\n.ravelin/\nweights/\nresults/\nnode_modules/\n',
    );
  });

  it('writes a name by which editors find the schema, and leaves a pipeline of another usual name alone', async () => {
    const catalog = JSON.parse(readFileSync('schemas/catalog.json', 'utf8')) as {
      schemas: { fileMatch: string[]; url: string }[];
    };
    expect(catalog.schemas[0]).toMatchObject({ url: 'pipeline.schema.json' });
    expect(catalog.schemas[0]!.fileMatch).toContain('*.ravelin.yaml');
    project.write('old/pipeline.yaml', 'ravelin: 1\n');
    const { code, stderr } = await project.run('init', 'old');
    expect(code).toBe(2);
    expect(stderr).toContain('old/pipeline.yaml already exists');
  });

  it('knows no other template', async () => {
    expect((await project.run('init', 'x', '--template', 'cifar10')).stderr).toBe(
      "error: unknown template 'cifar10'; did you mean 'cifar'?\n  fix: use mnist, figure, adaptive, plugin, own-model, cifar or imagenet",
    );
  });
});

describe('a path that leaves the project', () => {
  it('comes with the command that links the data in, which works', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'ravelin-data-'));
    const data = join(elsewhere, "the author's photographs");
    mkdirSync(data);
    writeFileSync(join(data, 'one.png'), '');
    const pipeline = (path: string): string =>
      `ravelin: 1\nstages:\n  photos:\n    uses: dataset/image-folder\n    with: { path: ${JSON.stringify(path)} }\n`;
    const project = createProject({ 'package.json': '{}', 'in/p.yaml': pipeline(data) });
    const { code, stderr } = await project.run('validate', 'in/p.yaml');
    expect(code).toBe(2);
    const command = / {4}fix: .*; or link it there, and write (.*): (mkdir .*)$/m.exec(stderr);
    execFileSync('sh', ['-c', command![2]!], { cwd: project.path('in') });
    project.write('in/p.yaml', pipeline(command![1]!));
    expect(await project.run('validate', 'in/p.yaml')).toEqual({
      code: 0,
      stdout: 'in/p.yaml: ok, 1 stage, 1 cell',
      stderr: '',
    });
  });
});
