import { DamagedObjectError } from '../runtime/store/errors.ts';

/**
 * Stored results turned out to be damaged when a command read them outside a run. The damaged objects are in
 * quarantine, so that a run computes them again.
 */
export class DamagedResultsError extends Error {
  override readonly name = 'DamagedResultsError';
  readonly fix: string;
  constructor(file: string, cells: readonly string[]) {
    const named = cells.slice(0, 3).join(', ') + (cells.length > 3 ? ` and ${cells.length - 3} more` : '');
    super(`the stored result of ${named} is damaged`);
    // Selectors are quoted, because the shell takes brackets for patterns.
    const selectors = cells.length > 20 ? '' : cells.map((cell) => ` '${cell}'`).join('');
    this.fix = `ravelin run ${file}${selectors}, which computes it again`;
  }
}

/** Reads the results of several cells, all of them before it throws `DamagedResultsError` for the damaged ones. */
export class DamageCollector {
  readonly #file: string;
  readonly #cells = new Set<string>();

  /** `file` is the pipeline, for the command that computes the cells again. */
  constructor(file: string) {
    this.#file = file;
  }

  /** Resolves to undefined if the result of the cell is damaged. */
  async read<Result>(cell: string, read: () => Result | Promise<Result>): Promise<Result | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof DamagedObjectError)) throw error;
      this.#cells.add(cell);
      return undefined;
    }
  }

  throwIfDamaged(): void {
    if (this.#cells.size > 0) throw new DamagedResultsError(this.#file, [...this.#cells]);
  }
}
