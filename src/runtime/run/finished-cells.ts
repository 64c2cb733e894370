import type { PlannedCell } from '../plan/plan.ts';
import { DamagedObjectError } from '../store/errors.ts';
import type { Publisher, PublishProblem } from './publish.ts';
import { describeProblem } from './publish-problem.ts';
import type { Reporter } from './reporter.ts';

/** Reads finished cells besides the publisher: the tables that a run prints at its end. */
export interface ResultReader {
  readonly reads: (planned: PlannedCell) => boolean;
  /** Rejects with `DamagedObjectError` if an object of the cell has to be computed again. */
  readonly read: (planned: PlannedCell) => Promise<void>;
}

/** A finished cell with an object that could not be read when it was published or shown. */
export interface DamagedCell {
  readonly planned: PlannedCell;
  readonly digests: readonly string[];
}

export type FinishedCellsReporter = Pick<Reporter, 'cellFinished' | 'published' | 'notPublished' | 'warnOf'>;

/** A cell whose results are damaged whenever they are read has another problem. */
const mostRepairs = 3;

/**
 * Publishes and shows the outputs of each cell once all its units are in the store, and then reports the cell as
 * finished. If a stored result turns out to be damaged then, the cell is computed again and comes back.
 */
export class FinishedCells {
  readonly #publisher: Publisher;
  readonly #reporter: FinishedCellsReporter;
  readonly #reader: ResultReader | undefined;
  readonly #underWay: Promise<void>[] = [];
  /** The problems of the damaged cells, which are reported if nobody computes them again. */
  readonly #damaged = new Map<
    PlannedCell,
    { readonly digests: string[]; readonly problems: PublishProblem[] }
  >();
  readonly #repairs = new Map<PlannedCell, number>();
  /** Cells that are to be computed again and have not come back. */
  readonly #away = new Set<PlannedCell>();

  constructor(publisher: Publisher, reporter: FinishedCellsReporter, reader?: ResultReader) {
    this.#publisher = publisher;
    this.#reporter = reporter;
    this.#reader = reader;
  }

  /** A cell finishes again, and is reported again, if a damaged result of it was computed again. */
  add(planned: PlannedCell): void {
    this.#damaged.delete(planned);
    this.#away.delete(planned);
    const isRead = planned.graphStage.publish.length > 0 || this.#reader?.reads(planned) === true;
    if (!isRead) {
      this.#reporter.cellFinished(planned);
      return;
    }
    const reading = this.#read(planned);
    // An error of ravelin itself is thrown by `damagedCells`, and not while the run goes on.
    reading.catch(() => undefined);
    this.#underWay.push(reading);
  }

  /** Waits until everything that has finished so far is read. Returns the cells to compute again. */
  async damagedCells(): Promise<readonly DamagedCell[]> {
    while (this.#underWay.length > 0) await this.#underWay.shift();
    const damaged: DamagedCell[] = [];
    for (const [planned, { digests }] of this.#damaged) {
      if (this.#away.has(planned)) continue;
      const repairs = (this.#repairs.get(planned) ?? 0) + 1;
      this.#repairs.set(planned, repairs);
      if (repairs > mostRepairs) continue;
      this.#away.add(planned);
      damaged.push({ planned, digests });
    }
    return damaged;
  }

  /** Reports the cells that were damaged and did not come back. */
  close(): void {
    for (const [planned, { problems }] of this.#damaged) {
      for (const problem of problems) this.#reporter.notPublished(planned, problem);
      if (!this.#away.has(planned)) this.#reporter.cellFinished(planned);
    }
  }

  async #read(planned: PlannedCell): Promise<void> {
    const { written, failed, damaged, replaced } = await this.#publisher.publish(planned);
    for (const path of written) this.#reporter.published(planned, path);
    for (const problem of failed) this.#reporter.notPublished(planned, problem);
    for (const message of replaced) this.#reporter.warnOf(planned, message);
    const digests = damaged.map(({ digest }) => digest);
    const problems = damaged.map(({ problem }) => problem);
    try {
      if (this.#reader?.reads(planned) === true) await this.#reader.read(planned);
    } catch (error) {
      const problem = describeProblem(null, error);
      if (error instanceof DamagedObjectError) {
        digests.push(error.digest);
        problems.push(problem);
      } else this.#reporter.notPublished(planned, problem);
    }
    if (digests.length > 0) this.#damaged.set(planned, { digests, problems });
    else this.#reporter.cellFinished(planned);
  }
}
