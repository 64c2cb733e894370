import { expect, it } from 'vitest';
import { loadPipeline } from '../../src/dsl/load.ts';
import { stages } from '../../src/stages/index.ts';
import { countWork } from '../counted-work.ts';

it('twice as many reports of a list twice as long take twice the work', async () => {
  const workOf = (count: number): Promise<number> => {
    const labels = Array.from({ length: count }, (_, index) => index).join(', ');
    const text = `ravelin: 1
stages:
  numbers: { uses: debug/constant, matrix: { i: [${labels}] }, with: { value: $(axes.i) } }
  tables:
    uses: report/table
    in: { scores: { from: numbers, collect: all } }
    matrix: { j: [${labels}] }
    with: { rows: i, value: value, title: 'Table $(axes.j)' }
`;
    return countWork(() => {
      const loaded = loadPipeline({
        file: '/project/main.yaml',
        root: '/project',
        registry: stages,
        env: {},
        readFile: () => text,
      });
      expect(loaded.ok).toBe(true);
    });
  };
  await workOf(10);
  expect((await workOf(1_000)) / (await workOf(500))).toBeLessThan(2.2);
});
