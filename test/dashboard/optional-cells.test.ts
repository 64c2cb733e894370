import { describe, expect, test } from 'vitest';
import { OptionalCells } from '../../src/dashboard/optional-cells.ts';
import { reduce } from '../../src/dashboard/reduce.ts';
import { initialState, type CellState } from '../../src/dashboard/state.ts';
import { items } from '../../src/dashboard/vector.ts';
import { recordedLedger } from './fixtures/recorded-ledgers.ts';

/** The cells of second tries of the recorded run after `count` of its events, and the shares that are expected of them. */
function sharesAfter(count: number): Readonly<Record<string, number>> {
  const state = recordedLedger('quickstart-tensorflow').slice(0, count).reduce(reduce, initialState());
  const cells = [...items(state.cells)];
  const optional = new OptionalCells(cells);
  const isTry = ({ id }: CellState): boolean => id.includes('i-fgsm') && id.endsWith('part=try-2]');
  return Object.fromEntries(
    cells.filter(isTry).map((cell) => [String(cell.axes['strength']), optional.shareOf(cell)]),
  );
}

const events = recordedLedger('quickstart-tensorflow');
const firstOf = (strength: string): number =>
  events.findIndex(
    (event) =>
      event.type === 'shard-committed' &&
      event.cell === `adversarial/search[attack=i-fgsm,strength=${strength},part=try-2]`,
  );

describe('the share of cells that may not have to be computed', () => {
  test('is that of the plan at first', () => {
    const planned = events.findLastIndex(({ type }) => type === 'cell-planned');
    expect(sharesAfter(planned + 1)).toEqual({ '0.1': 0.25, '0.2': 0.25, '0.3': 0.25, '0.4': 0.25 });
  });

  test('follows what became of the others, and is 1 for a cell whose first unit was computed', () => {
    const shares = sharesAfter(firstOf('0.4') + 1);
    expect(shares['0.4']).toBe(1);
    // Two other searches needed their second try before it, and the weight of the plan is 2.
    expect(shares['0.1']).toBeGreaterThan(0.25);
    expect(shares['0.1']).toBeLessThan(1);
  });

  test('is 1 for cells that are computed in any case', () => {
    const state = events.slice(0, 200).reduce(reduce, initialState());
    const cells = [...items(state.cells)];
    const certain = cells.filter(({ expectedShare }) => expectedShare === 1);
    const optional = new OptionalCells(cells);
    expect(certain.length).toBeGreaterThan(100);
    expect(certain.every((cell) => optional.shareOf(cell) === 1)).toBe(true);
  });
});
