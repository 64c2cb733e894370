import { expect, test } from 'vitest';
import type { PlannedCell } from '../../../src/runtime/plan/plan.ts';
import { FinishedCells } from '../../../src/runtime/run/finished-cells.ts';

const cell = (id: string, publish: readonly string[] = []): PlannedCell =>
  ({ cell: { id }, graphStage: { publish } }) as unknown as PlannedCell;

function open(publish: (id: string) => Promise<string[]>) {
  const reports: string[] = [];
  const publisher = {
    publish: ({ cell: { id } }: { readonly cell: { readonly id: string } }) => publish(id),
    save: () => void reports.push('saved'),
  };
  const cells = new FinishedCells(publisher, {
    cellFinished: (planned) => reports.push(`${planned.cell.id} finished`),
    published: (planned, path) => reports.push(`${planned.cell.id} published ${path}`),
    notPublished: (planned, error) => reports.push(`${planned.cell.id}: ${String(error)}`),
  });
  return { cells, reports };
}

test('a cell without files to publish is finished at once, and only once', () => {
  const { cells, reports } = open(() => Promise.reject(new Error('called')));
  const finished = cell('a');
  cells.add(finished);
  cells.add(finished);
  expect(reports).toEqual(['a finished']);
});

test('a cell is finished once its files are written, even if one could not be', async () => {
  const { cells, reports } = open((id) =>
    id === 'good' ? Promise.resolve(['x.csv', 'y.svg']) : Promise.reject(new Error('disk full')),
  );
  cells.add(cell('bad', ['figure']));
  cells.add(cell('good', ['figure']));
  expect(reports).toEqual([]);
  await cells.close();
  expect(reports.filter((report) => report.startsWith('bad'))).toEqual([
    'bad: Error: disk full',
    'bad finished',
  ]);
  expect(reports.filter((report) => report.startsWith('good'))).toEqual([
    'good published x.csv',
    'good published y.svg',
    'good finished',
  ]);
  expect(reports.at(-1)).toBe('saved');
});
