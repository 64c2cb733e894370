/** What commands do when a stored result is damaged, and when a result cannot be published. */
import { existsSync, mkdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../src/runtime/store/store.ts';
import { createProject, type Outcome, type Project } from './ravelin.ts';

const pipeline = `ravelin: 1
name: small
defaults: { shard: 8 }
stages:
  images: { uses: dataset/mnist, with: { split: test, limit: 16 } }
  defended: { uses: defense/bit-depth, with: { bits: 2 }, in: { images: images }, store: always, publish: { images: out/images.safetensors } }
  network: { uses: model/cnn, with: { height: 28, width: 28, channels: 1, filters: [2], dense: [] } }
  predictions: { uses: predict/classify, in: { model: network, images: defended } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions }, publish: { metrics: out/scores.json } }
  table: { uses: report/table, in: { scores: { from: scores, collect: all } }, publish: { table: out/table.md } }
`;

let project: Project;
let whole: Outcome;
beforeEach(async () => {
  project = createProject({ 'p.yaml': pipeline, 'package.json': '{}' });
  whole = await run();
  expect(whole.code).toBe(0);
});

const run = (...parameters: readonly string[]): Promise<Outcome> =>
  project.run('run', 'p.yaml', '--ui', 'plain', ...parameters);

/** Digests of the objects of a cell. */
async function digestsOf(cell: string): Promise<readonly string[]> {
  const store = openStore(project.path('.ravelin'));
  return (await keysInLedger(cell)).flatMap((key) =>
    Object.values(store.peekRecord(key)!.outputs).flatMap((parts) => parts.map(({ digest }) => digest)),
  );
}

async function keysInLedger(cell: string): Promise<readonly string[]> {
  const { folder } = (await project.json('runs', 'show', '--json')) as { readonly folder: string };
  return readFileSync(`${folder}/events.jsonl`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; cell?: string; keys?: readonly string[] })
    .flatMap(({ type, cell: finished, keys }) =>
      type === 'cell-finished' && finished === cell ? keys! : [],
    );
}

async function damage(cell: string): Promise<void> {
  for (const digest of await digestsOf(cell)) {
    const path = openStore(project.path('.ravelin')).objectPath(digest);
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
  }
}

const unharmed = ({ stdout, stderr }: Outcome): void => {
  expect(stdout + stderr).not.toMatch(/error in ravelin|^\s+at .*:\d+:\d+/m);
};

describe('a damaged result', () => {
  it.each([
    ['scores', 'out/scores.json'],
    ['table', 'out/table.md'],
    ['defended', 'out/images.safetensors'],
  ])('of the cell %s is computed again when it is published', async (cell, file) => {
    const published = readFileSync(project.path(file));
    await damage(cell);
    unlinkSync(project.path(file));
    const again = await run();
    unharmed(again);
    expect(again.code).toBe(0);
    expect(readFileSync(project.path(file))).toEqual(published);
    expect(again.stderr).toMatch(/small: ok · 6 cells · [12] shards? ran/);
    expect(again.stderr).not.toContain('not run');
    expect(again.stdout).toBe(whole.stdout);
  });

  it('is computed again when it is printed, with the inputs that are damaged too', async () => {
    for (const cell of ['table', 'scores', 'predictions', 'defended', 'images', 'network'])
      await damage(cell);
    const again = await run();
    unharmed(again);
    expect(again).toMatchObject({ code: 0, stdout: whole.stdout });
    expect(again.stderr).toContain('small: ok · 6 cells');
    expect(again.stderr).not.toContain('not run');
    expect((await project.json('cache', 'verify', '--json')) as object).toMatchObject({
      damagedObjects: [],
      damagedRecords: [],
      incomplete: [],
    });
  });

  it('whose record is gone or damaged is named by the commands that would print it', async () => {
    const [key] = await keysInLedger('scores');
    const path = openStore(project.path('.ravelin')).recordPath(key!);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
    const { run: id } = (await project.json('runs', 'show', '--json')) as { readonly run: string };
    for (const command of [
      ['metrics'],
      ['runs', 'show', '--scores'],
      ['runs', 'diff', id, id],
      ['report', '--to', 'r.html'],
    ]) {
      const { code, stderr } = await project.run(...command);
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(
          /warning: the cache no longer has the scores of 1 cell, which are missing here: scores\n {2}fix: ravelin run \S+p\.yaml, which computes them again/,
        ) as string,
      });
    }
    expect(readFileSync(project.path('r.html'), 'utf8')).toContain('no longer has the scores of 1 cell');
    expect((await run()).code).toBe(0);
    expect((await project.run('metrics')).stderr).toBe('');
  });

  it('is one sentence of export, with the command that computes it again', async () => {
    expect((await project.run('export', 'p.yaml', 'defended', '--to', 'before.safetensors')).code).toBe(0);
    await damage('defended');
    const refused = await project.run('export', 'p.yaml', 'defended', '--to', 'after.safetensors');
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain(
      "error[damaged]: the stored result of defended is damaged\n  fix: ravelin run p.yaml 'defended', which computes it again",
    );
    unharmed(refused);
    expect(existsSync(project.path('after.safetensors'))).toBe(false);
    expect((await project.run('run', 'p.yaml', 'defended')).code).toBe(0);
    expect((await project.run('export', 'p.yaml', 'defended', '--to', 'after.safetensors')).code).toBe(0);
    expect(readFileSync(project.path('after.safetensors'))).toEqual(
      readFileSync(project.path('before.safetensors')),
    );
  });

  it('lets a table of metrics and a comparison of runs end with the command that computes it again', async () => {
    const { run: id } = (await project.json('runs', 'show', '--json')) as { readonly run: string };
    for (const command of [['metrics'], ['runs', 'diff', id, id]]) {
      await damage('scores');
      const refused = await project.run(...command);
      unharmed(refused);
      expect(refused).toMatchObject({ code: 5, stdout: '' });
      expect(refused.stderr).toMatch(
        /error\[damaged\]: the stored result of scores is damaged\n {2}fix: ravelin run .*p\.yaml 'scores', which/,
      );
      expect((await run('scores')).code).toBe(0);
    }
  });
});

describe('a result that cannot be published', () => {
  it.each(['plain', 'quiet'])(
    'fails the run with exit code 5, says why, and keeps the rest (%s)',
    async (ui) => {
      unlinkSync(project.path('out/table.md'));
      unlinkSync(project.path('out/scores.json'));
      mkdirSync(project.path('out/table.md'));
      const failed = await project.run('run', 'p.yaml', '--ui', ui);
      unharmed(failed);
      expect(failed.code).toBe(5);
      expect(failed.stderr).toContain(
        `not published: ${project.path('out/table.md')} is a folder (table)\n  fix:`,
      );
      expect(failed.stderr).toContain('small: finished, 1 file could not be published · 6 cells');
      expect(existsSync(project.path('out/scores.json'))).toBe(true);
      expect(await project.json('runs', '--json')).toMatchObject([{ status: 'ok' }, { status: 'failed' }]);
      rmSync(project.path('out/table.md'), { recursive: true });
      expect((await run()).code).toBe(0);
      expect(existsSync(project.path('out/table.md'))).toBe(true);
    },
  );

  it('because a folder in its path is a file fails the run too', async () => {
    rmSync(project.path('out'), { recursive: true });
    writeFileSync(project.path('out'), '');
    const failed = await run();
    unharmed(failed);
    expect(failed.code).toBe(5);
    expect(failed.stderr).toContain('small: finished, 3 files could not be published');
    expect(failed.stderr).toContain('because a folder in its path is a file');
  });
});
