import type { Plan, PlannedCell } from '../plan/plan.ts';
import { references } from '../plan/units.ts';

/** `unneeded`: a part of other cells, none of which needs it any more because a person has cancelled them. */
type State = 'active' | 'finished' | 'failed' | 'blocked' | 'unneeded';

/**
 * How far each cell of a plan has come: how many of its units are not in the store yet, how many of the cells
 * that it reads are not finished, and whether it can still finish. Cells are named by their index in the
 * plan.
 */
export class CellStates {
  readonly #cells: Plan['cells'];
  readonly #states: State[];
  readonly #missingUnits: Int32Array;
  readonly #unfinishedInputs: Int32Array;
  #consumers: readonly (readonly number[])[] | null = null;

  constructor(cells: Plan['cells']) {
    this.#cells = cells;
    this.#states = new Array<State>(cells.length).fill('active');
    this.#missingUnits = Int32Array.from(cells, countMissing);
    this.#unfinishedInputs = new Int32Array(cells.length);
    // A run with nothing to do skips this: it has no unfinished inputs.
    if (this.#missingUnits.some((count) => count > 0)) this.#countUnfinishedInputs();
  }

  /** Whether the cell is neither finished nor failed, nor blocked by a failed one, nor unneeded. */
  isActive(cell: number): boolean {
    return this.#states[cell] === 'active';
  }

  hasFailed(cell: number): boolean {
    return this.#states[cell] === 'failed';
  }

  isUnneeded(cell: number): boolean {
    return this.#states[cell] === 'unneeded';
  }

  allFinished(): boolean {
    return this.#cells.every((planned, cell) => planned === null || this.#states[cell] === 'finished');
  }

  /** Whether all units of the cell are in the store. */
  isComplete(cell: number): boolean {
    return this.#missingUnits[cell] === 0;
  }

  /** Whether all cells that this one reads are finished. */
  hasAllInputs(cell: number): boolean {
    return this.#unfinishedInputs[cell] === 0;
  }

  /** The cells that read this one. */
  consumersOf(cell: number): readonly number[] {
    this.#consumers ??= findConsumers(this.#cells);
    return this.#consumers[cell]!;
  }

  unitCommitted(cell: number): void {
    this.#missingUnits[cell]!--;
  }

  /**
   * A unit of the cell was in the store and has to be computed again: a finished cell becomes active again.
   */
  unitLost(cell: number): void {
    if (this.isComplete(cell)) {
      this.#states[cell] = 'active';
      for (const consumer of this.consumersOf(cell)) this.#unfinishedInputs[consumer]!++;
    }
    this.#missingUnits[cell]!++;
  }

  /** The cell was cut into this number of units, none of which is in the store. */
  unitsReplaced(cell: number, units: number): void {
    this.#missingUnits[cell] = units;
  }

  finish(cell: number): void {
    this.#states[cell] = 'finished';
  }

  /** One of the cells that this one reads has finished. */
  inputFinished(cell: number): void {
    this.#unfinishedInputs[cell]!--;
  }

  /**
   * Marks the cell as failed and every active cell that depends on it as blocked.
   * Returns the number of blocked cells.
   */
  fail(cell: number): number {
    this.#states[cell] = 'failed';
    let blocked = 0;
    const stack = [...this.consumersOf(cell)];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (!this.isActive(next)) continue;
      this.#states[next] = 'blocked';
      blocked++;
      stack.push(...this.consumersOf(next));
    }
    return blocked;
  }

  /**
   * Marks the parts as unneeded that serve nothing but this failed cell and those that cannot finish without it. Returns them.
   */
  releaseParts(cell: number): readonly number[] {
    const released: number[] = [];
    const stack = [...this.#inputsOf(cell)];
    const seen = new Set<number>([cell]);
    const lost = [cell];
    // What the failed cell blocks no longer needs its parts either.
    for (let next = lost.pop(); next !== undefined; next = lost.pop())
      for (const consumer of this.consumersOf(next)) {
        if (seen.has(consumer) || this.#states[consumer] !== 'blocked') continue;
        seen.add(consumer);
        lost.push(consumer);
        stack.push(...this.#inputsOf(consumer));
      }
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (!this.isActive(next) || this.#cells[next]!.graphStage.partOf === undefined) continue;
      if (this.consumersOf(next).some((consumer) => this.isActive(consumer))) continue;
      this.#states[next] = 'unneeded';
      released.push(next);
      stack.push(...this.#inputsOf(next));
    }
    return released;
  }

  /**
   * Takes failed cells up again, with what they blocked and the parts that they need. Returns all cells that are active again, in the
   * order of the plan; a cell that another failed one blocks is not among them.
   */
  retry(cells: readonly number[]): readonly number[] {
    const before = this.#states.slice();
    for (const cell of cells) if (this.#states[cell] === 'failed') this.#states[cell] = 'active';
    // A cell comes after those that it reads.
    this.#forEach((cell, inputs) => {
      if (before[cell] === 'finished' || this.#states[cell] === 'failed') return;
      const isBlocked = inputs.some((input) => /^(?:failed|blocked)$/.test(this.#states[input]!));
      this.#states[cell] = isBlocked ? 'blocked' : 'active';
    });
    for (let cell = before.length - 1; cell >= 0; cell--) {
      if (before[cell] !== 'unneeded' || !this.isActive(cell)) continue;
      if (!this.consumersOf(cell).some((consumer) => this.isActive(consumer)))
        this.#states[cell] = 'unneeded';
    }
    return before.flatMap((state, cell) => (state !== 'active' && this.isActive(cell) ? [cell] : []));
  }

  #forEach(visit: (cell: number, inputs: readonly number[]) => void): void {
    for (const planned of this.#cells)
      if (planned !== null) visit(planned.index, this.#inputsOf(planned.index));
  }

  /** The cells of the plan that this one reads. */
  #inputsOf(cell: number): readonly number[] {
    return [...producersOf(this.#cells[cell]!)].filter((input) => this.#cells[input] != null);
  }

  #countUnfinishedInputs(): void {
    for (const planned of this.#cells) {
      if (planned === null) continue;
      for (const producer of producersOf(planned)) {
        if (!this.isComplete(producer)) this.#unfinishedInputs[planned.index]!++;
      }
    }
  }
}

function countMissing(planned: PlannedCell | null): number {
  return planned === null ? 0 : planned.units.filter(({ state }) => state !== 'reuse').length;
}

function findConsumers(cells: Plan['cells']): number[][] {
  const consumers: number[][] = cells.map(() => []);
  for (const planned of cells) {
    if (planned === null) continue;
    for (const producer of producersOf(planned)) consumers[producer]!.push(planned.index);
  }
  return consumers;
}

function producersOf(planned: PlannedCell): ReadonlySet<number> {
  return new Set(references(planned.cell).map(({ cell }) => cell));
}
