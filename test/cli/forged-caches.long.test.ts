import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { beforeEach, describe, expect, it } from 'vitest';
import { createProject, type Project } from './ravelin.ts';

/** What somebody else may have put into the `.ravelin` of a project that is cloned or unpacked. */
const pipeline = `ravelin: 1
name: p
stages:
  a: { uses: debug/constant, with: { value: 1 }, publish: published.json }
`;
const evil =
  "import { writeFileSync } from 'node:fs';\nwriteFileSync('pwned', '');\nexport const stages = [];\n";

let project: Project;
beforeEach(async () => {
  project = createProject({ 'work/p.yaml': pipeline, 'work/package.json': '{}', 'work/evil.mjs': evil });
  expect((await run()).code).toBe(0);
});
const run = (...parameters: readonly string[]) =>
  project.run('run', 'work/p.yaml', '--ui', 'quiet', ...parameters);
const graphs = (): string[] =>
  readdirSync(project.path('work/.ravelin/graphs')).map((name) =>
    project.path(`work/.ravelin/graphs/${name}`),
  );

/** The graph of a file of the cache, changed. */
function changeGraphs(
  change: (graph: string) => string,
  write: (text: string, head: string, body: string) => string,
) {
  for (const path of graphs()) {
    const text = readFileSync(path, 'utf8');
    const [, head, body] = text.split('\n') as [string, string, string];
    writeFileSync(path, write(text, head, change(body)));
  }
}
const outside = (graph: string): string =>
  graph
    .replaceAll(JSON.stringify(project.path('work')), JSON.stringify('/'))
    .replaceAll('"published.json"', '"../pwned"');
const withPlugin = (graph: string): string => graph.replace('"plugins":[]', '"plugins":["./evil.mjs"]');

describe('a graph that was not resolved here', () => {
  const refused = async (): Promise<void> => {
    const { code, stderr } = await run('--force');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(existsSync(project.path('pwned'))).toBe(false);
    expect(existsSync(project.path('work/pwned'))).toBe(false);
    expect(existsSync(project.path('work/published.json'))).toBe(true);
  };

  it('is resolved again, if it writes outside with the signature of the right one', async () => {
    expect(graphs()).toHaveLength(1);
    changeGraphs(outside, (text, head, body) => [text.split('\n')[0], head, body].join('\n'));
    await refused();
  });

  it('is resolved again, if it has the check of the version before, which needed no secret', async () => {
    changeGraphs(outside, (_, head, body) => {
      const check = createHash('sha256').update(body).digest('hex');
      return `${JSON.stringify({ ...(JSON.parse(head) as object), format: 1, check, env: {} })}\n${body}`;
    });
    await refused();
  });

  it('is resolved again, if it names a plugin', async () => {
    changeGraphs(withPlugin, (text, head, body) => [text.split('\n')[0], head, body].join('\n'));
    await refused();
  });

  it('is resolved again, if another machine signed it', async () => {
    const [theirs] = graphs().map((path) => readFileSync(path, 'utf8'));
    expect((await run()).code).toBe(0);
    expect(readFileSync(graphs()[0]!, 'utf8')).toBe(theirs);
    rmSync(project.path('home/machine-key'));
    await refused();
    expect(readFileSync(graphs()[0]!, 'utf8')).not.toBe(theirs);
  });

  it('is resolved again, if the root of the project has changed since', async () => {
    project.write('work/.git/HEAD', '');
    project.write('work/inner/p.yaml', pipeline);
    expect((await project.run('run', 'work/inner/p.yaml', '--ui', 'quiet')).code).toBe(0);
    project.write('work/inner/package.json', '{}');
    project.write('work/inner/p.yaml', pipeline.replace('published.json', '../escaped.json'));
    const { code, stderr } = await project.run('run', 'work/inner/p.yaml', '--ui', 'quiet');
    expect(code).toBe(2);
    expect(stderr).toContain('../escaped.json');
  });
});

it('a memory of published files that was not written here lets nothing be replaced', async () => {
  project.write('work/notes.md', 'mine');
  const folder = project.path('work/.ravelin/published');
  const [known] = readdirSync(folder);
  const signed = readFileSync(join(folder, known!), 'utf8');
  const [signature, entry] = signed.split('\n') as [string, string];
  const target = project.path('work/notes.md');
  const forged = JSON.stringify({ ...(JSON.parse(entry) as object), path: target });
  const earlier = JSON.stringify({ [target]: ['x', 1, 1] });
  project.write('work/p.yaml', pipeline.replace('published.json', 'notes.md'));
  const own = `${createHash('sha256').update('../notes.md').digest('hex').slice(0, 32)}.json`;
  expect(known).not.toBe(own);
  for (const [path, text] of [
    ['published.json', `${signature}\n${earlier}`],
    [`published/${own}`, forged],
    [`published/${own}`, `${signature}\n${forged}`],
    // What was signed for another file.
    [`published/${own}`, signed],
  ] as const) {
    writeFileSync(project.path(`work/.ravelin/${path}`), text);
    const { stderr } = await run();
    expect(stderr).toContain('it exists already');
    expect(readFileSync(project.path('work/notes.md'), 'utf8')).toBe('mine');
  }
});

describe('a key that leads out of the cache', () => {
  const forged = '/../../../../package';

  it('in the memory of the last run moves no file into quarantine', async () => {
    const last = project.path('work/.ravelin/last');
    for (const name of readdirSync(last).filter((file) => !file.includes('backends')))
      writeFileSync(join(last, name), JSON.stringify({ a: [`..${forged}`, `aa${forged}`] }));
    project.write('work/p.yaml', pipeline.replace('value: 1', 'value: 2'));
    expect((await project.run('why', 'work/p.yaml', 'a')).stdout).toContain('no result yet');
    expect(existsSync(project.path('work/package.json'))).toBe(true);
  });

  it('in a ledger moves no file into quarantine', async () => {
    const [{ run: id }] = (await project.json('--cache', 'work/.ravelin', 'runs', 'ls', '--json')) as [
      { run: string },
    ];
    const path = project.path(`work/.ravelin/runs/${id}/events.jsonl`);
    writeFileSync(
      path,
      readFileSync(path, 'utf8')
        .replaceAll(/"[0-9a-f]{64}"/g, `"..${forged}"`)
        .replaceAll(/,"check":"[0-9a-f]{8}"/g, ''),
    );
    for (const command of [['metrics'], ['runs', 'diff', id, id], ['cache', 'gc']])
      expect((await project.run('--cache', 'work/.ravelin', ...command)).code).toBe(0);
    expect(existsSync(project.path('work/package.json'))).toBe(true);
  });
});

it('a cache that is a link into the files of the user loses none of them', async () => {
  const old = new Date('2020-01-01');
  for (const name of ['home-files/aa/thesis.tex', 'home-files/.ssh/id_rsa', 'home-files/bb/x.json']) {
    project.write(name, 'mine');
    utimesSync(project.path(name), old, old);
  }
  for (const folder of ['objects/sha256', 'actions']) {
    rmSync(project.path(`work/.ravelin/${folder}`), { recursive: true });
    symlinkSync(project.path('home-files'), project.path(`work/.ravelin/${folder}`));
  }
  rmSync(project.path('work/.ravelin/collected'), { force: true });
  expect((await run('--force')).code).toBe(0);
  const collected = await project.run(
    '--cache',
    'work/.ravelin',
    'cache',
    'gc',
    '--older-than',
    '1s',
    '--max-size',
    '1B',
  );
  expect(collected.code).toBe(0);
  expect((await project.run('--cache', 'work/.ravelin', 'cache', 'verify')).code).toBe(0);
  for (const name of ['aa/thesis.tex', '.ssh/id_rsa', 'bb/x.json'])
    expect(readFileSync(project.path(`home-files/${name}`), 'utf8')).toBe('mine');
});

it('batches that are none are no batches', async () => {
  const manifests = [
    'null',
    '[]',
    '{"format":1}',
    '{"format":1,"run":7,"stage":"a","groups":[]}',
    '{"format":1,"run":"x","stage":"a","groups":{"a":1}}',
  ];
  manifests.forEach((text, at) => {
    project.write(`work/.ravelin/slurm/${at}/manifest.json`, text);
    project.write(`work/.ravelin/slurm/${at}/job.json`, '{"job":"1","submittedAt":1}');
  });
  const { code, stderr } = await project.run('--cache', 'work/.ravelin', 'cancel');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

describe('a cache that git tracks', () => {
  const git = (...parameters: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', ...parameters], {
      cwd: project.path('work'),
    });

  it.each(['2', '3', '4'])('is a warning with an index of version %s', async (version) => {
    git('init', '-q');
    git('config', 'index.version', version);
    git('add', 'p.yaml', 'package.json');
    expect((await run()).stderr).toBe('');
    project.write('work/z.txt', '');
    git('add', '-f', '-A');
    if (version === '3') {
      // Only an entry with more flags makes version 3.
      project.write('work/new.txt', '');
      git('add', '-N', 'new.txt');
    }
    git('update-index', '--index-version', version);
    const { code, stderr } = await run();
    expect(code).toBe(0);
    expect(stderr).toBe(
      `warning: git tracks files in the cache ${project.path('work/.ravelin')}, so results may come from whoever changed the repository\n  fix: git rm -r --cached ${project.path('work/.ravelin')}, add .ravelin/ to .gitignore, and remove the folder if you did not make it`,
    );
    git('rm', '-q', '-r', '--cached', '.ravelin');
    expect((await run()).stderr).toBe('');
  });

  it('is one in a worktree, and a folder with a longer name is not the cache', async () => {
    git('init', '-q');
    project.write('work/.ravelin-notes/x', '');
    git('add', 'p.yaml', 'package.json', '.ravelin-notes');
    git('commit', '-q', '-m', 'x');
    git('worktree', 'add', '-q', '../tree');
    expect((await project.run('run', 'tree/p.yaml', '--ui', 'quiet')).stderr).toBe('');
    execFileSync('git', ['add', '-f', '.ravelin'], { cwd: project.path('tree') });
    expect((await project.run('run', 'tree/p.yaml', '--ui', 'quiet')).stderr).toContain('git tracks files');
    expect((await run()).stderr).toBe('');
  });

  it('is none if the index is damaged', async () => {
    git('init', '-q');
    git('add', '-f', '-A');
    const index = project.path('work/.git/index');
    const bytes = readFileSync(index);
    for (const damage of [
      bytes.subarray(0, 40),
      Buffer.alloc(0),
      Buffer.from('DIRC'),
      bytes.fill(0xff, 8, 90),
    ]) {
      writeFileSync(index, damage);
      expect((await run()).code).toBe(0);
    }
  });
});

it('a cache that was copied to another machine serves its results', async () => {
  cpSync(project.path('work'), project.path('copy'), { recursive: true });
  rmSync(project.path('home'), { recursive: true });
  mkdirSync(project.path('home'));
  const { stdout } = await project.run('run', 'copy/p.yaml', '--ui', 'json');
  expect(stdout.split('\n').at(-1)).toContain('"reused":1,"ran":0');
});
