import type { Task } from '../../executor.ts';

/** Ready units of a stage come one after the other: what comes within this time is submitted together. */
const gatherMs = 100;

/** Collects tasks for a moment and submits them together, one collection after the other. */
export class Gatherer {
  readonly #submit: (tasks: readonly Task[]) => Promise<void>;
  #tasks: Task[] = [];
  #timer: NodeJS.Timeout | null = null;
  #submitting: Promise<void> = Promise.resolve();

  /** `submit` must not reject. */
  constructor(submit: (tasks: readonly Task[]) => Promise<void>) {
    this.#submit = submit;
  }

  add(task: Task): void {
    this.#tasks.push(task);
    this.#timer ??= setTimeout(() => {
      this.#submitting = this.#submitting.then(() => {
        // What came while an earlier collection was being submitted belongs to this one.
        this.#timer = null;
        return this.#submit(this.takeBack());
      });
    }, gatherMs);
  }

  /** Takes the tasks away that are not being submitted yet. */
  takeBack(): Task[] {
    const tasks = this.#tasks;
    this.#tasks = [];
    return tasks;
  }

  /** Forgets the tasks with these ids that are not being submitted yet. */
  forget(ids: ReadonlySet<number>): void {
    this.#tasks = this.#tasks.filter(({ id }) => !ids.has(id));
  }

  /** Submits nothing more; resolves when what is being submitted is. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#submitting;
  }
}
