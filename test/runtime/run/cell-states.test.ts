import { expect, test } from 'vitest';
import { CellStates } from '../../../src/runtime/run/cell-states.ts';
import { makeFolder, makeGraph } from '../fixtures/graphs.ts';
import { planGraph } from '../fixtures/run-graph.ts';

/** `photos` of two shards, read by `added` (two shards), which `sum` reads; `other` stands alone. */
async function states(): Promise<CellStates> {
  const graph = makeGraph(makeFolder(), [
    { id: 'photos', uses: 'test/source', with: { limit: 100 } },
    { id: 'added', uses: 'test/add', with: { by: 1 }, in: { images: 'photos' } },
    { id: 'sum', uses: 'test/sum', in: { images: 'added' } },
    { id: 'other', uses: 'test/constant', with: { value: 1 } },
  ]);
  return new CellStates((await planGraph(graph)).cells);
}
const [photos, added, sum, other] = [0, 1, 2, 3] as const;

test('a cell is complete when all its units are committed, and its readers then have their input', async () => {
  const cells = await states();
  expect([cells.hasAllInputs(photos), cells.hasAllInputs(added)]).toEqual([true, false]);
  cells.unitCommitted(photos);
  expect(cells.isComplete(photos)).toBe(false);
  cells.unitCommitted(photos);
  expect(cells.isComplete(photos)).toBe(true);
  expect(cells.consumersOf(photos)).toEqual([added]);
  cells.finish(photos);
  cells.inputFinished(added);
  expect([cells.isActive(photos), cells.hasAllInputs(added)]).toEqual([false, true]);
  expect(cells.allFinished()).toBe(false);
});

test('a failed cell blocks all that depend on it, once', async () => {
  const cells = await states();
  expect(cells.fail(added)).toBe(1);
  expect([photos, added, sum, other].map((cell) => cells.isActive(cell))).toEqual([true, false, false, true]);
  expect(cells.fail(photos)).toBe(0);
});

test('a finished cell that lost a unit is active again, and its readers lack their input', async () => {
  const cells = await states();
  cells.unitCommitted(photos);
  cells.unitCommitted(photos);
  cells.finish(photos);
  cells.inputFinished(added);
  cells.unitLost(photos);
  expect([cells.isActive(photos), cells.isComplete(photos), cells.hasAllInputs(added)]).toEqual([
    true,
    false,
    false,
  ]);
  cells.unitLost(photos);
  cells.unitCommitted(photos);
  expect(cells.isComplete(photos)).toBe(false);
  cells.unitCommitted(photos);
  cells.inputFinished(added);
  expect(cells.hasAllInputs(added)).toBe(true);
});

test('a cell that was cut again counts its new units', async () => {
  const cells = await states();
  cells.unitsReplaced(added, 1);
  cells.unitCommitted(added);
  expect(cells.isComplete(added)).toBe(true);
});
