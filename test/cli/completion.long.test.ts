import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { paramCandidates, selectionCandidates } from '../../src/cli/completion/candidates.ts';
import { splitLine } from '../../src/cli/completion/shell-line.ts';
import type { Graph } from '../../src/dsl/graph.ts';
import { commandLine, createProject, type Project } from './ravelin.ts';

/** The breaks of bash, as it has them without a file of the user. */
const breaks = ' \t\n"\'><=;|&(:';

describe('the line of a command', () => {
  it.each([
    ['ravelin run ', ['ravelin', 'run', ''], 0],
    ['ravelin run  tab', ['ravelin', 'run', 'tab'], 0],
    ['ravelin run a[x=1,y=', ['ravelin', 'run', 'a[x=1,y='], 8],
    ['ravelin run a\\[x\\=1,y\\=a\\ b', ['ravelin', 'run', 'a[x=1,y=a b'], 0],
    ["ravelin run 'a[x=1", ['ravelin', 'run', 'a[x=1'], 0],
    ['ravelin run "a b" --only=a[x', ['ravelin', 'run', 'a b', '--only=a[x'], 7],
    ["ravelin ''", ['ravelin', ''], 0],
    ['ravelin a\\', ['ravelin', 'a'], 0],
  ])('%j is taken apart as bash does', (line, words, cut) => {
    expect(splitLine(line, breaks)).toEqual({ words, cut });
  });

  it.each(['run a b', "run 'a b' c", 'run a\\ b "c\'d" e', `why "a'b"'c"d'`])(
    'has the words that bash passes on: %s',
    (line) => {
      const output = execFileSync('bash', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' });
      expect(splitLine(line, breaks).words).toEqual(output.trimEnd().split('\n'));
    },
  );
});

const text = `ravelin: 1
name: p
params: { images: 3, title: it }
profiles: { smoke: { params: { images: 1 } }, large: {} }
stages:
  a: { uses: debug/constant, with: { value: $(axes.x) }, matrix: { x: [1, 2, 15], y: [a b, c] } }
  table: { uses: debug/constant, with: { value: $(params.images) } }
`;

describe('the words of a pipeline', () => {
  const project = createProject({ 'p.yaml': text });
  /** As the script for zsh asks: the words after `ravelin`. */
  const complete = async (...words: readonly string[]): Promise<readonly string[]> => {
    const { code, stdout, stderr } = await project.run('complete', 'zsh', '--', ...words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout === '' ? [] : stdout.split('\n');
  };

  it('are stages, then axes, then labels', async () => {
    expect(await complete('run', 'p.yaml', '')).toEqual(['a', 'a[', 'table']);
    expect(await complete('why', 'p.yaml', 't')).toEqual(['table']);
    expect(await complete('model', 'show', 'p.yaml', 't')).toEqual(['table']);
    expect(await complete('weights', 'export', 'p.yaml', 'a[')).toEqual(['a[x=', 'a[y=']);
    expect(await complete('plan', 'p.yaml', 'a[')).toEqual(['a[x=', 'a[y=']);
    expect(await complete('export', 'p.yaml', 'a[x=1')).toEqual(['a[x=1]', 'a[x=1,', 'a[x=15]', 'a[x=15,']);
    expect(await complete('run', 'p.yaml', 'a[x=15,')).toEqual(['a[x=15,y=']);
    expect(await complete('run', 'p.yaml', 'a[x=15,y=')).toEqual(['a[x=15,y=a b]', 'a[x=15,y=c]']);
  });

  it('are selections after --only, --from and --force, in both ways of writing them', async () => {
    expect(await complete('run', 'p.yaml', '--only', 't')).toEqual(['table']);
    expect(await complete('run', 'p.yaml', '--from=t')).toEqual(['--from=table']);
    expect(await complete('run', 'p.yaml', '--force', 't')).toEqual(['table']);
    expect(await complete('run', 'p.yaml', '--force=t')).toEqual(['--force=table']);
  });

  it('are params, profiles and what an option may be', async () => {
    expect(await complete('run', 'p.yaml', '-S', 'params.i')).toEqual(['params.images=']);
    expect(await complete('run', 'p.yaml', '-p', 'smoke', '-S', 'params.images=')).toEqual([
      'params.images=1',
    ]);
    expect(await complete('status', 'p.yaml', '-p', '')).toEqual(['smoke', 'large']);
    expect(await complete('run', 'p.yaml', '--ui', 'p')).toEqual(['plain']);
  });

  it('come from pipeline.yaml if no file is named', async () => {
    expect(await complete('run', '')).toEqual([]);
    project.write('pipeline.yaml', text.replace('table:', 'chart:'));
    expect(await complete('run', 'c')).toEqual(['chart']);
    expect(await complete('logs', 'c')).toEqual(['chart']);
    expect(await complete('run', 'p.yaml', 't')).toEqual(['table']);
  });

  it.each([
    ['broken.yaml', 'ravelin: 1\nstages: ['],
    ['wrong.yaml', 'ravelin: 1\nname: p\nstages: { a: { uses: nonsense } }\n'],
    ['empty.yaml', ''],
    ['binary.yaml', '\0\u0001'],
    ['absent.yaml', null],
  ])('are none in %s, without a message', async (file, content) => {
    if (content !== null) project.write(file, content);
    for (const typed of ['', 'a', 'a[', '[', 'a[x=1,,='])
      expect(await complete('run', file, typed)).toEqual([]);
    expect(await complete('run', file, '-S', 'params.')).toEqual([]);
    expect(await complete('run', file, '-p', '')).toEqual([]);
  });

  it('leave no folder behind', () => {
    expect(existsSync(project.path('.ravelin'))).toBe(false);
  });

  it('are none if they need a plugin of a project that nobody has trusted, and it is not loaded', async () => {
    const files = {
      'package.json': '{ "ravelin": { "plugins": ["./mark.mjs"] } }',
      'mark.mjs': `import { writeFileSync } from 'node:fs';\nwriteFileSync(new URL('loaded', import.meta.url), '');\nexport const stages = [];\n`,
      'p.yaml': `plugins: [./mark.mjs]\n${text}`,
    };
    const untrusted = createProject(files, { RAVELIN_TRUST: '' });
    const ask = (from: Project) => from.run('complete', 'zsh', '--', 'run', 'p.yaml', 't');
    expect(await ask(untrusted)).toMatchObject({ code: 0, stdout: '' });
    expect(existsSync(untrusted.path('loaded'))).toBe(false);
    const trusted = createProject({ ...files, 'mark.mjs': `${files['mark.mjs']}console.log('noise');\n` });
    await ask(trusted);
    expect(existsSync(trusted.path('loaded'))).toBe(true);
  });

  it('are completed by the function of the script for bash, which quotes nothing', async () => {
    project.write('completion.bash', (await project.run('completion', 'bash')).stdout);
    const ask = (line: string): string[] => {
      const words = line.split(' ');
      const script = `ravelin() { '${process.execPath}' '${commandLine()}' "$@"; }
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
source completion.bash
COMP_LINE='${line}' COMP_POINT=${line.length} COMP_CWORD=${words.length - 1}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
_ravelin
printf '%s\\n' "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', script], { cwd: project.folder, encoding: 'utf8' })
        .trimEnd()
        .split('\n');
    };
    expect(ask('ravelin run p.yaml tab')).toEqual(['table']);
    expect(ask('ravelin run p.yaml a[x=15,y=')).toEqual(expect.arrayContaining(['a b]', 'c]']));
    expect(ask('ravelin st')).toEqual(expect.arrayContaining(['stages', 'status']));
  });
});

it('a stage of 100,000 cells is completed by its labels', () => {
  const cells = Array.from({ length: 100_000 }, (_, cell) => ({
    axes: { x: cell % 100, y: Math.floor(cell / 100) },
  }));
  const stage = { id: 'a', axes: ['x', 'y'], firstCell: 0, cellCount: cells.length };
  const graph = { stages: [stage], cells } as unknown as Graph;
  expect(selectionCandidates(graph, 'a[')).toEqual(['a[x=', 'a[y=']);
  expect(selectionCandidates(graph, 'a[x=')).toHaveLength(200);
  expect(selectionCandidates(graph, 'a[x=7,y=')).toHaveLength(1000);
  expect(selectionCandidates(graph, 'a[x=7,x=')).toEqual([]);
  expect(selectionCandidates(graph, 'b[x=')).toEqual([]);
});

it('a param that is named like a member of every object is none', () => {
  expect(paramCandidates({ params: {} }, 'params.constructor=')).toEqual([]);
});
