import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createProject } from './ravelin.ts';

const commit = 'a'.repeat(40);

describe('the runs of a project as a history', () => {
  const project = createProject({
    'p.yaml': `ravelin: 1
name: history
params: { value: 0.25, other: 1 }
stages:
  score: { uses: debug/constant, with: { value: $(params.value) } }
`,
    'q.yaml': 'ravelin: 1\nname: other\nstages:\n  score: { uses: debug/constant, with: { value: 0.25 } }\n',
  });
  const run = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await project.run(...words);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return stdout;
  };
  beforeAll(async () => {
    mkdirSync(project.path('.git/refs/heads'), { recursive: true });
    writeFileSync(project.path('.git/HEAD'), 'ref: refs/heads/main\n');
    writeFileSync(project.path('.git/refs/heads/main'), `${commit}\n`);
    await run('run', 'p.yaml', '--ui', 'quiet');
    await run('run', 'p.yaml', '--ui', 'quiet', '-S', 'params.value=0.5');
  });

  it('has the commit of each, and what changed since the one before', async () => {
    const [, first, second] = (await run('runs')).split('\n');
    expect(first).toMatch(/ history .* aaaaaaaa$/);
    expect(second).toMatch(/ -S params\.value=0\.5 +value 0\.25 → 0\.5 +aaaaaaaa$/);
  });

  it('shows the params and the scores of one', async () => {
    const text = await run('runs', 'show', '--params', '--scores');
    expect(text).toMatch(/\nrevision +a{40}\n/);
    expect(text).toMatch(/\nparam +value\nvalue +0\.5\nother +1\n/);
    expect(text).toMatch(/\nscore +value 0\.5$/);
    const json = (await project.json('runs', 'show', '--scores', '--json')) as {
      params: unknown;
      scores: unknown;
    };
    expect(json).toMatchObject({ params: { value: 0.5, other: 1 }, scores: [{ cell: 'score', value: 0.5 }] });
  });

  it('gives runs names, by which every command finds them', async () => {
    const [first] = (await project.json('runs', '--json')) as readonly { run: string }[];
    expect(await run('runs', 'tag', first!.run, 'baseline', 'v1')).toBe(`${first!.run}: baseline v1`);
    expect((await run('runs')).split('\n')[1]).toMatch(/ baseline v1$/);
    expect(await run('runs', 'diff', 'baseline', 'latest')).toContain('with.value 0.25 → 0.5: score');
    await run('report', 'baseline', 'latest', '--to', 'two.html');
    expect(readFileSync(project.path('two.html'), 'utf8')).toContain(
      `before: baseline, v1, run ${first!.run} (ok) · after: run `,
    );
    expect(await run('runs', 'tag', 'baseline', 'v1', '--remove')).toBe(`${first!.run}: baseline`);
    for (const wrong of ['latest', '2026', '../x', 'a b'])
      expect((await project.run('runs', 'tag', 'baseline', wrong)).code).toBe(2);
  });

  it('keeps the tags that several processes give at the same time, and the paths that they allow', async () => {
    const names = ['one', 'two', 'three', 'four', 'five'];
    for (const name of names) mkdirSync(project.path(`data-${name}`), { recursive: true });
    await Promise.all([
      ...names.map((name) => run('runs', 'tag', 'latest', name)),
      ...names.map((name) => run('allow-path', `data-${name}`)),
    ]);
    expect((await run('runs')).split('\n').at(-1)).toMatch(/ five four one three two$/);
    expect((await run('allow-path')).match(/data-\w+/g)).toHaveLength(5);
    await run('runs', 'tag', 'latest', ...names, '--remove');
  });

  it('shows the params of a file beside those of its latest run', async () => {
    expect((await run('params', 'p.yaml')).split('\n').map((line) => line.trimEnd())).toEqual([
      'param  value  latest run',
      'value  0.25   0.5',
      'other  1',
    ]);
    expect(await project.json('params', 'p.yaml', '--json', '-S', 'params.other=3')).toEqual([
      { name: 'value', value: 0.25, default: 0.25, latestRun: 0.5 },
      { name: 'other', value: 3, default: 1, latestRun: 1 },
    ]);
  });

  it('cleans what only this pipeline has, and nothing of a tagged run', async () => {
    await run('run', 'q.yaml', '--ui', 'quiet');
    const ids = ((await project.json('runs', '--json')) as readonly { run: string }[]).map(
      (info) => info.run,
    );
    expect(await run('clean', 'p.yaml')).toMatch(/^would remove 1 result \(.*\) and 1 ledger of p\.yaml$/);
    expect(existsSync(project.path(`.ravelin/runs/${ids[1]!}`))).toBe(true);
    expect(await run('clean', 'p.yaml', '--yes')).toMatch(/^removed 1 result /);
    expect(
      ((await project.json('runs', '--json')) as readonly { run: string }[]).map((info) => info.run),
    ).toEqual([ids[0], ids[2]]);
    // The tagged run and the other pipeline have what they had.
    expect(await run('metrics', 'baseline', '--csv')).toContain('0.25');
    expect((await project.run('run', 'q.yaml', '--ui', 'plain')).stderr).toContain('0 shards ran, 1 reused');
    expect(await run('clean', 'p.yaml')).toMatch(/^would remove 0 results \(0 B\) and 0 ledgers/);
  });
});
