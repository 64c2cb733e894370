import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandLine, createProject } from './ravelin.ts';

/** Counts the modules that a process loads, the processes that it starts, and its calls of the file system. */
const hook = `import child from 'node:child_process';
import fs from 'node:fs';
import { register, syncBuiltinESMExports } from 'node:module';

const counts = { processes: 0, reads: 0, looks: 0, writes: 0 };
const count = (module, kind, names) => {
  for (const name of names) {
    const original = module[name];
    module[name] = (...parameters) => {
      counts[kind]++;
      return original(...parameters);
    };
  }
};
count(child, 'processes', ['spawn', 'fork', 'exec', 'execFile', 'spawnSync', 'execSync', 'execFileSync']);
const write = fs.writeFileSync;
count(fs, 'reads', ['readFileSync', 'openSync', 'readdirSync']);
count(fs, 'looks', ['statSync', 'lstatSync', 'existsSync', 'accessSync']);
count(fs, 'writes', ['writeFileSync', 'writeSync', 'fsyncSync', 'renameSync', 'mkdirSync', 'appendFileSync', 'unlinkSync', 'linkSync']);
syncBuiltinESMExports();
process.on('exit', () => write(process.env.COUNTS, JSON.stringify(counts)));
register('data:text/javascript,' + encodeURIComponent(\`
  import { appendFileSync } from 'node:fs';
  export async function resolve(specifier, context, next) {
    appendFileSync(process.env.IMPORTS, specifier + '\\\\n');
    return next(specifier, context);
  }\`));`;

describe('a run with nothing to do', () => {
  const project = createProject({
    'p.yaml': `ravelin: 1
name: trivial
stages:
  a: { uses: debug/constant, with: { value: $(axes.i) }, matrix: { i: [${Array.from({ length: 500 }, (_, i) => i).join(', ')}] } }
  b: { uses: debug/constant, in: { after: a }, with: { value: 1 } }
`,
    'hook.mjs': hook,
  });

  it('loads neither TensorFlow.js nor sharp, Ink, React, yaml or ajv, starts no process, and looks at and reads one file a cell', async () => {
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    project.write('imports', '');
    execFileSync(process.execPath, ['--import', project.path('hook.mjs'), commandLine(), 'run', 'p.yaml'], {
      cwd: project.folder,
      // The same home as that of the first run, because the machine's key in it signs the resolved pipeline.
      env: {
        ...process.env,
        RAVELIN_HOME: project.path('home'),
        IMPORTS: project.path('imports'),
        COUNTS: project.path('counts'),
      },
      stdio: 'ignore',
    });
    const imports = readFileSync(project.path('imports'), 'utf8').trim().split('\n');
    expect(imports).toContain('node:fs');
    expect(imports.filter((name) => /tensorflow|^sharp|^ink|^react/.test(name))).toEqual([]);
    // yaml and ajv are bundled: their chunks are those that hold the language.
    const dist = new URL('../../dist/', import.meta.url);
    const parser = readdirSync(dist)
      .filter((name) => name.endsWith('.js'))
      .filter((name) => /node_modules\/(yaml|ajv)\//.test(readFileSync(new URL(name, dist), 'utf8')));
    expect(parser.length).toBeGreaterThan(0);
    expect(imports.filter((name) => parser.some((chunk) => name.endsWith(chunk)))).toEqual([]);

    // What decides how long it takes; `npm run bench -- no-op` measures that.
    const counts = JSON.parse(readFileSync(project.path('counts'), 'utf8')) as Record<string, number>;
    // Each module once: how many others import it costs next to nothing. How many chunks there are depends on how the bundler
    // divides what is shared with other commands (a tenth of a millisecond each), so the code in them is bounded beside it.
    const modules = [...new Set(imports)];
    const chunks = modules.filter((name) => /^\.\/.*\.js$/.test(name));
    expect(chunks.length).toBeGreaterThan(10);
    expect(modules.length).toBeLessThan(150);
    const bytes = chunks.reduce((sum, name) => sum + statSync(new URL(name, dist)).size, 0);
    expect(bytes).toBeLessThan(900_000);
    expect(counts['processes']).toBe(0);
    expect(counts['reads']).toBeLessThan(1_100);
    expect(counts['looks']).toBeLessThan(1_100);
    expect(counts['writes']).toBeLessThan(20);
  });
});

describe('the pipelines that come with ravelin', () => {
  const project = createProject({ 'package.json': '{}' });
  mkdirSync(project.path('pipelines'));
  cpSync('pipelines', project.path('pipelines'), {
    recursive: true,
    filter: (path) => !path.includes('.ravelin'),
  });

  // The others need photographs or weights of the user's; that they are valid is tested with the language.
  const needsNothing = (name: string): boolean =>
    readFileSync(`pipelines/${name}`, 'utf8').includes('dataset/mnist');
  it.each(readdirSync('pipelines').filter((name) => name.endsWith('.yaml') && needsNothing(name)))(
    '%s runs in small',
    async (name) => {
      const text = readFileSync(`pipelines/${name}`, 'utf8');
      const profile = /^ {2}smoke:/m.test(text) ? ['-p', 'smoke'] : [];
      // The pipeline of README.md has no profiles, so as to stay short.
      if (profile.length === 0)
        project.write(`pipelines/${name}`, text.replaceAll(/limit: \d+/g, 'limit: 12'));
      const { code, stderr } = await project.run('run', `pipelines/${name}`, ...profile, '--ui', 'plain');
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const published = [...text.matchAll(/((?:\.\.\/)?results\/)([\w.-]+)/g)];
      expect(published.map(([, , file]) => file)).toContain(name.replace('.yaml', '.svg'));
      for (const [, folder, file] of published)
        expect(readdirSync(project.path(join('pipelines', folder!)))).toContain(file);
    },
  );
});
