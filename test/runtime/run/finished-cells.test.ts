import { expect, test } from 'vitest';
import type { PlannedCell } from '../../../src/runtime/plan/plan.ts';
import { FinishedCells, type ResultReader } from '../../../src/runtime/run/finished-cells.ts';
import type { Publication } from '../../../src/runtime/run/publish.ts';
import { DamagedObjectError } from '../../../src/runtime/store/errors.ts';

const cell = (id: string, publish: readonly string[] = []): PlannedCell =>
  ({ cell: { id }, graphStage: { publish } }) as unknown as PlannedCell;

const nothing: Publication = { written: [], failed: [], damaged: [], replaced: [] };
const problem = { path: '/t.md', message: '/t.md is a folder', stale: false };
const damage = { digest: 'd1', problem: { path: '/t.md', message: 'damaged', stale: true } };

function open(publish: (id: string) => Publication = () => nothing, reader?: ResultReader) {
  const reports: string[] = [];
  const publisher = {
    publish: ({ cell: { id } }: { readonly cell: { readonly id: string } }) => Promise.resolve(publish(id)),
  };
  const reporter = {
    cellFinished: (planned: PlannedCell) => reports.push(`${planned.cell.id} finished`),
    published: (planned: PlannedCell, path: string) => reports.push(`${planned.cell.id} published ${path}`),
    notPublished: (planned: PlannedCell, { message }: { readonly message: string }) =>
      reports.push(`${planned.cell.id}: ${message}`),
    warnOf: (planned: PlannedCell, message: string) => reports.push(`${planned.cell.id} warns: ${message}`),
  };
  return { cells: new FinishedCells(publisher, reporter, reader), reports };
}

test('a cell without files to publish is finished at once, and again if it was computed again', () => {
  const { cells, reports } = open(() => {
    throw new Error('called');
  });
  const finished = cell('a');
  cells.add(finished);
  cells.add(finished);
  expect(reports).toEqual(['a finished', 'a finished']);
});

test('a cell is finished once its files are written, even if one could not be', async () => {
  const { cells, reports } = open((id) =>
    id === 'good' ? { ...nothing, written: ['x.csv', 'y.svg'] } : { ...nothing, failed: [problem] },
  );
  cells.add(cell('bad', ['figure']));
  cells.add(cell('good', ['figure']));
  expect(reports).toEqual([]);
  expect(await cells.damagedCells()).toEqual([]);
  cells.close();
  expect(reports).toEqual([
    'bad: /t.md is a folder',
    'bad finished',
    'good published x.csv',
    'good published y.svg',
    'good finished',
  ]);
});

test('a cell whose result is damaged comes back, and is finished then', async () => {
  let isDamaged = true;
  const { cells, reports } = open(() => (isDamaged ? { ...nothing, damaged: [damage] } : nothing));
  const planned = cell('a', ['figure']);
  cells.add(planned);
  expect(await cells.damagedCells()).toEqual([{ planned, digests: ['d1'] }]);
  expect(reports).toEqual([]);
  isDamaged = false;
  cells.add(planned);
  expect(await cells.damagedCells()).toEqual([]);
  cells.close();
  expect(reports).toEqual(['a finished']);
});

test('a damaged cell that does not come back is reported, but not as finished', async () => {
  const { cells, reports } = open(() => ({ ...nothing, damaged: [damage] }));
  cells.add(cell('a', ['figure']));
  expect(await cells.damagedCells()).toHaveLength(1);
  expect(await cells.damagedCells()).toEqual([]);
  cells.close();
  expect(reports).toEqual(['a: damaged']);
});

test('a cell that is damaged again and again is given up', async () => {
  const { cells, reports } = open(() => ({ ...nothing, damaged: [damage] }));
  const planned = cell('a', ['figure']);
  let rounds = 0;
  do {
    cells.add(planned);
    rounds++;
  } while ((await cells.damagedCells()).length > 0);
  cells.close();
  expect(rounds).toBe(4);
  expect(reports).toEqual(['a: damaged', 'a finished']);
});

test('a reader sees what it reads, and its damage counts as well', async () => {
  const read: string[] = [];
  const { cells, reports } = open(undefined, {
    reads: ({ cell: { id } }) => id !== 'other',
    read({ cell: { id } }) {
      read.push(id);
      if (id === 'damaged') return Promise.reject(new DamagedObjectError('d2', 'is missing'));
      return id === 'broken' ? Promise.reject(new Error('no')) : Promise.resolve();
    },
  });
  const damaged = cell('damaged');
  for (const planned of [cell('table'), damaged, cell('broken'), cell('other')]) cells.add(planned);
  expect(await cells.damagedCells()).toEqual([{ planned: damaged, digests: ['d2'] }]);
  expect(read).toEqual(['table', 'damaged', 'broken']);
  expect(reports.sort()).toEqual([
    'broken finished',
    'broken: a table could not be shown: no',
    'other finished',
    'table finished',
  ]);
});
