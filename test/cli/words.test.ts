import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createProject, type PlanJson } from './ravelin.ts';

/** Defenses and their scores against a network that is not trained: small, and with metrics. */
const grid = `ravelin: 1
name: grid
params: { images: 4, bits: [1, 2, 3] }
stages:
  digits: { uses: dataset/mnist, with: { limit: $(params.images) } }
  network: { uses: model/cnn, with: { filters: [2], dense: [4] } }
  reduced: { uses: defense/bit-depth, in: { images: digits }, with: { bits: $(axes.bits) }, matrix: { bits: $(params.bits) } }
  predictions: { uses: predict/classify, in: { model: network, images: reduced } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions, originals: digits } }
  table:
    uses: report/table
    in: { scores: { from: scores, where: { bits: [first, last] }, collect: all } }
    with: { rows: bits, value: accuracy }
    publish: table.csv
`;

describe('--force', () => {
  const project = createProject({ 'pipeline.yaml': grid });

  it('takes the selection after a blank or a =, and forces all that is selected without one', async () => {
    expect((await project.run('run', '--ui', 'quiet')).code).toBe(0);
    const forced = async (...words: string[]): Promise<string> => {
      const plan = (await project.json('plan', ...words, '--json')) as PlanJson;
      return `${plan.totals.cells} cells, to run: ${plan.cells
        .filter(({ shards }) => shards.run > 0)
        .map(({ cell }) => cell)
        .join(' ')}`;
    };
    const one = await forced('pipeline.yaml', '--force=digits');
    expect(one).toMatch(/^12 cells, to run: digits/);
    expect(await forced('pipeline.yaml', '--force', 'digits')).toBe(one);
    expect(await forced('--force', 'digits')).toBe(one);
    const all = await forced('--force');
    expect(all).toMatch(/^12 cells, to run: (\S+ ){11}table$/);
    expect(await forced('--force', 'pipeline.yaml')).toBe(all);
    expect(await forced('digits', '--force')).toBe('1 cells, to run: digits');
  });
});

describe('pipeline.yaml', () => {
  const project = createProject({ 'pipeline.yaml': grid, 'other.yaml': grid.replace('grid', 'other') });

  it('is the file of every command that is given none, also before selections and cells', async () => {
    const { stdout: valid } = await project.run('validate');
    expect(valid).toBe('pipeline.yaml: ok, 6 stages, 12 cells');
    expect((await project.run('run', 'scores[bits=1]', '--ui', 'quiet')).code).toBe(0);
    expect((await project.run('plan', 'scores[bits=1]')).stdout).toContain('0 to run');
    expect((await project.run('status')).stdout).toContain('1/3 cells');
    expect((await project.run('why', 'scores[bits=1]')).stdout).toContain('scores[bits=1]: reused');
    expect((await project.run('dag')).stdout).toContain('scores');
    expect((await project.run('export', 'digits', '--to', 'd.npz')).stderr).toBe('wrote d.npz');
  });

  it('is not, if another file is named', async () => {
    expect(((await project.json('plan', 'other.yaml', 'digits', '--json')) as PlanJson).pipeline).toBe(
      'other',
    );
    const { code, stderr } = await project.run('run', 'othr.yaml');
    expect(code).toBe(2);
    expect(stderr).toContain('the file does not exist');
    expect(stderr).not.toContain('fix:');
  });

  it('says where the pipelines are that ravelin comes with', async () => {
    for (const command of ['run', 'validate']) {
      const { code, stderr, stdout } = await project.run(command, 'pipelines/who-knows-the-defense.yaml');
      expect(code).toBe(2);
      expect(stderr + stdout).toMatch(
        /the file does not exist\n {4}fix: ravelin comes with a pipeline of this name, in (\S+)\/pipelines: cp -r \1\/pipelines \.$/m,
      );
    }
  });

  it('is asked for in a folder that has none, and so is a cell', async () => {
    const empty = createProject();
    for (const command of ['run', 'plan', 'validate', 'status', 'dag'])
      expect(await empty.run(command)).toEqual({
        code: 2,
        stdout: '',
        stderr:
          "error: no pipeline was given, and there is no pipeline.ravelin.yaml in this folder\n  fix: name its file, or write a first one with 'ravelin init'",
      });
    expect((await project.run('why')).stderr).toContain('no cell was given after pipeline.yaml');
    expect((await project.run('status', 'x')).stderr).toContain("'x' is not expected after");
  });
});

describe('a run with -S', () => {
  const project = createProject({ 'pipeline.yaml': grid });
  const given = ['-S', 'params.images=3', '-S', 'params.bits=[4, 5]'] as const;
  const words = "-S params.images=3 -S 'params.bits=[4, 5]'";

  it('runs to its end with other labels, its report included', async () => {
    expect((await project.run('run', '--ui', 'quiet', ...given)).code).toBe(0);
  });

  it.each([
    ['status', ['status'], 'status pipeline.yaml'],
    ['why', ['why', 'scores'], 'why pipeline.yaml scores'],
    ['export', ['export', 'digits', '--to', 'x y.npz'], "export pipeline.yaml digits --to 'x y.npz'"],
  ])('is announced by %s without them, with what to write', async (_, command, written) => {
    expect((await project.run(...command)).stderr).toContain(
      `note: the latest run of pipeline.yaml had ${words}, and this command does not\n  fix: to see its results, write ravelin ${written} ${words}`,
    );
    expect((await project.run(...command, ...given)).stderr).not.toContain('note:');
  });

  it('is what metrics and runs show name', async () => {
    expect((await project.run('metrics')).stderr).toMatch(/^scores of the run \S+ of grid \(with -S params/);
    expect((await project.run('runs', 'show')).stdout).toContain(words);
  });
});

describe('metrics', () => {
  const project = createProject({
    'pipeline.yaml': grid,
    'digits.yaml':
      'ravelin: 1\nname: only\nstages: { digits: { uses: dataset/mnist, with: { limit: 2 } } }\n',
  });

  it('takes a pipeline file, whatever ran after it, and the columns to print', async () => {
    expect((await project.run('metrics', 'pipeline.yaml')).stderr).toContain('pipeline.yaml has no runs in');
    expect((await project.run('run', '--ui', 'quiet')).code).toBe(0);
    expect((await project.run('run', 'digits.yaml', '--ui', 'quiet')).code).toBe(0);
    expect((await project.run('metrics')).stderr).toMatch(
      /^the run \S+ of only has no metrics\n {2}fix: name another run or a pipeline file/,
    );
    const { stdout } = await project.run('metrics', 'pipeline.yaml', '--columns', 'bits,n');
    expect(stdout.split('\n').map((line) => line.split(/ +/))).toEqual([
      ['bits', 'n'],
      ['1', '4'],
      ['2', '4'],
      ['3', '4'],
    ]);
    expect(await project.json('metrics', 'pipeline.yaml', '--columns', 'bits,n', '--json')).toEqual(
      [1, 2, 3].map((bits) => ({ bits, n: 4 })),
    );
    expect((await project.run('metrics', 'pipeline.yaml', '--columns', 'acuracy')).stderr).toContain(
      "there is no column 'acuracy'; did you mean 'accuracy'?",
    );
    rmSync(project.path('.ravelin'), { recursive: true });
  });
});
