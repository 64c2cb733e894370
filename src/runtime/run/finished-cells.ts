import type { PlannedCell } from '../plan/plan.ts';
import type { Publisher } from './publish.ts';
import type { Reporter } from './reporter.ts';

/**
 * Publishes the outputs of each cell once all its units are in the store, and then
 * reports the cell, once, as finished.
 */
export class FinishedCells {
  readonly #publisher: Publisher;
  readonly #reporter: Pick<Reporter, 'cellFinished' | 'published' | 'notPublished'>;
  readonly #seen = new Set<PlannedCell>();
  readonly #publishing: Promise<void>[] = [];

  constructor(publisher: Publisher, reporter: Pick<Reporter, 'cellFinished' | 'published' | 'notPublished'>) {
    this.#publisher = publisher;
    this.#reporter = reporter;
  }

  /** Reports or publishes a cell once. A cell finishes again if a damaged result of it was computed again. */
  add(planned: PlannedCell): void {
    if (this.#seen.has(planned)) return;
    this.#seen.add(planned);
    if (planned.graphStage.publish.length === 0) this.#reporter.cellFinished(planned);
    else this.#publishing.push(this.#publish(planned));
  }

  /** Waits until everything is published. */
  async close(): Promise<void> {
    await Promise.all(this.#publishing);
    this.#publisher.save();
  }

  async #publish(planned: PlannedCell): Promise<void> {
    try {
      for (const path of await this.#publisher.publish(planned)) this.#reporter.published(planned, path);
    } catch (error) {
      this.#reporter.notPublished(planned, error);
    }
    this.#reporter.cellFinished(planned);
  }
}
