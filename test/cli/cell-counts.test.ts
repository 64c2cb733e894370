import { describe, expect, it } from 'vitest';
import { cellsNoun, countCells } from '../../src/dashboard/format.ts';
import { createProject, type PlanJson } from './ravelin.ts';

const attacked = `ravelin: 1
name: counted
backend: wasm
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 8 } }
  network: { uses: model/cnn }
  adversarial:
    uses: attack/fgsm
    in: { model: network, images: digits }
    with: { epsilon: $(axes.epsilon) }
    matrix: { epsilon: [0, 0.1, 0.2] }
  predictions: { uses: predict/classify, in: { model: network, images: adversarial } }
`;

describe('the number of cells', () => {
  it('is the same, with the parts of attacks, wherever it is written', async () => {
    const project = createProject({ 'p.yaml': attacked });
    const text = '8 cells and 1 part';
    const { stdout: valid } = await project.run('validate', 'p.yaml');
    expect(valid).toBe(`p.yaml: ok, 4 stages, ${text}`);
    expect((await project.run('plan', 'p.yaml')).stdout).toContain(`\n${text}, 9 shards: 0 reused, 9 to run`);
    const { stderr: run } = await project.run('run', 'p.yaml', '--ui', 'plain');
    expect(run).toContain(` · ${text}, 9 shards: 0 reused, 9 to run`);
    expect(run).toContain(`counted: ok · ${text} · 9 shards ran`);
    const { stdout: status } = await project.run('status', 'p.yaml');
    expect(status).toMatch(/^adversarial\/prepare +1\/1 parts/m);
    expect(status).toMatch(/^adversarial +3\/3 cells/m);
    const rows = [...status.matchAll(/(\d+)\/\1 (cells|parts)/g)];
    const sum = (noun: string) =>
      rows.filter(([, , found]) => found === noun).reduce((total, [, count]) => total + Number(count), 0);
    expect(countCells({ cells: sum('cells') + sum('parts'), parts: sum('parts') })).toBe(text);
    const { totals } = (await project.json('plan', 'p.yaml', '--json')) as PlanJson;
    expect(totals).toMatchObject({ cells: 9, parts: 1 });
  });

  it('has no word of parts if there are none', () => {
    expect(countCells({ cells: 1 })).toBe('1 cell');
    expect(countCells({ cells: 1, parts: 1 })).toBe('1 part');
    expect(countCells({ cells: 12_003, parts: 2 })).toBe('12,001 cells and 2 parts');
    expect([undefined, 1, 3].map((parts) => cellsNoun({ cells: 3, ...(parts && { parts }) }))).toEqual([
      'cells',
      'cells and parts',
      'parts',
    ]);
  });
});
