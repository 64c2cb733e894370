import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createConductedProject, start } from './conducted-project.ts';
import { createProject, type Outcome, type Project } from './ravelin.ts';

const pipeline = (path: string, value = 1): string =>
  `ravelin: 1\nname: p\nstages: { a: { uses: debug/constant, with: { value: ${value} }, publish: ${JSON.stringify(path)} } }\n`;

const project = (path: string): Project =>
  createProject({
    'package.json': '{}',
    'p.yaml': pipeline(path),
    'notes.md': 'mine',
    'outside-of-it/.keep': '',
  });

/** Runs the pipeline, in lines. What could not be published is a warning there. */
const run = (of: Project, ...options: readonly string[]): Promise<Outcome> =>
  of.run('run', 'p.yaml', '--ui', 'plain', ...options);

describe('a published file', () => {
  it.each([
    ['a file that somebody wrote', 'notes.md', () => undefined],
    [
      'a file behind a link',
      'link.md',
      (of: Project) => symlinkSync(of.path('notes.md'), of.path('link.md')),
    ],
    ['a link to nothing', 'link.md', (of: Project) => symlinkSync('/nonexistent', of.path('link.md'))],
    ['a folder', 'folder.json', (of: Project) => mkdirSync(of.path('folder.json'))],
  ])('does not replace %s', async (_, path, prepare) => {
    const of = project(path);
    prepare(of);
    const { stderr } = await run(of);
    expect(stderr).toContain('it exists already, and no run with this cache has published it');
    expect(stderr).toContain('run again with --overwrite');
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(readFileSync(of.path('notes.md'), 'utf8')).toBe('mine');
    expect(existsSync(of.path(path))).toBe(path !== 'link.md' || existsSync(of.path('link.md')));
  });

  it('replaces such a file with --overwrite, and from then on without', async () => {
    const of = project('notes.md');
    const { stderr } = await run(of, '--overwrite');
    expect(stderr).not.toContain('could not publish');
    expect(readFileSync(of.path('notes.md'), 'utf8')).toContain('"value":1');
    of.write('p.yaml', pipeline('notes.md', 2));
    await run(of);
    expect(readFileSync(of.path('notes.md'), 'utf8')).toContain('"value":2');
  });

  it('takes a file with the same bytes for its own, as after the cache is removed', async () => {
    const of = project('results/a.json');
    await run(of);
    const elsewhere = await run(of, '--cache', of.path('other'));
    expect(elsewhere.stderr).not.toContain('could not publish');
  });

  it('is known to be published though the run was killed', async () => {
    const of = await createConductedProject(1);
    const stage = '  a: { uses: debug/constant, with: { value: 1 }, publish: a.json }\n';
    of.write('p.yaml', `${readFileSync(of.path('p.yaml'), 'utf8')}${stage}`);
    const child = start(of);
    await child.event(({ type }) => type === 'published');
    child.kill();
    await child.ended;
    of.write('p.yaml', pipeline('a.json', 2));
    expect(await run(of)).toMatchObject({ code: 0 });
    expect(readFileSync(of.path('a.json'), 'utf8')).toContain('"value":2');
  });

  it('is known to be published in a copy of the project, until somebody changes it there', async () => {
    const of = project('results/a.json');
    await run(of);
    const copies = [1, 2].map(() => {
      const copy = createProject({}, { RAVELIN_HOME: of.path('home') });
      cpSync(of.folder, copy.folder, { recursive: true });
      copy.write('p.yaml', pipeline('results/a.json', 2));
      return copy;
    });
    const [untouched, changed] = copies as [Project, Project];
    changed.write('results/a.json', 'mine');
    expect(await run(untouched)).toMatchObject({ code: 0 });
    expect(readFileSync(untouched.path('results/a.json'), 'utf8')).toContain('"value":2');
    expect(await run(changed)).toMatchObject({ code: 5 });
    expect(readFileSync(changed.path('results/a.json'), 'utf8')).toBe('mine');
  });

  it('warns if another pipeline or stage had published the file', async () => {
    const of = project('results/a.json');
    of.write('q.yaml', pipeline('results/a.json', 2));
    expect((await run(of)).stderr).not.toContain('was published by');
    const other = await of.run('run', 'q.yaml', '--ui', 'plain');
    expect(`${other.stdout}${other.stderr}`).toContain(
      'results/a.json was published by a of p.yaml, and is now that of a of q.yaml',
    );
    const again = await of.run('run', 'q.yaml', '--ui', 'plain');
    expect(`${again.stdout}${again.stderr}`).not.toContain('was published by');
  });

  it.each([
    ['out of the project', '..', 'a link in its path leads out of the project'],
    ['into .git', '.git/hooks', "'.git' is hidden"],
    ['into the cache', 'cache/actions', 'it lies in the cache'],
    ['into packages', 'node_modules/x', "'node_modules' belongs to the tools of the project"],
    ['to nothing', 'absent', 'is a link to what does not exist'],
  ])('is not written through a link %s', async (_, to, reason) => {
    const of = project('link/deep/result.json');
    if (to !== '..' && to !== 'absent') mkdirSync(of.path(to), { recursive: true });
    const target = to === '..' ? createProject({}).folder : of.path(to);
    symlinkSync(target, of.path('link'));
    const { stderr } = await run(of, '--cache', of.path('cache'));
    expect(stderr).toContain(reason);
    expect(stderr).not.toMatch(/\n\s+at /);
    if (to !== 'absent') expect(readdirSync(target)).not.toContain('deep');
  });

  it.each([
    ['beside the pipeline', undefined, 'cache/result.json', true],
    ['in the project', 'cache', 'cache/actions/zz.json', false],
    ['in the project, through its real path', 'cache-link', 'cache/zz.json', false],
  ])('is not written into a cache %s', async (_, cache, path, isFine) => {
    const of = project(path);
    mkdirSync(of.path('cache'));
    symlinkSync(of.path('cache'), of.path('cache-link'));
    const { stderr } = await run(of, ...(cache === undefined ? [] : ['--cache', of.path(cache)]));
    if (isFine) expect(stderr).not.toContain('could not publish');
    else expect(stderr).toContain('it lies in the cache');
    expect(existsSync(of.path(path))).toBe(isFine);
  });
});
