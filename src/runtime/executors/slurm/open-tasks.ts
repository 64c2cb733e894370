import type { ExecutorListener, Task, TaskMessage, TaskOutcome } from '../../executor.ts';

/**
 * The tasks of this driver that have not ended, by key. Array tasks report under the ids that their own
 * driver gave them, which may have been another one, so messages are passed on under the id that this driver
 * knows.
 */
export class OpenTasks {
  readonly #byKey = new Map<string, Task>();
  #listener: ExecutorListener = () => undefined;

  get size(): number {
    return this.#byKey.size;
  }

  listen(listener: ExecutorListener): void {
    this.#listener = listener;
  }

  add(task: Task): void {
    this.#byKey.set(task.key, task);
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** Forgets the tasks with these ids, whose outcomes nobody waits for. */
  forget(ids: ReadonlySet<number>): void {
    for (const [key, { id }] of this.#byKey) if (ids.has(id)) this.#byKey.delete(key);
  }

  report(key: string, message: TaskMessage, worker: number): void {
    const task = this.#byKey.get(key);
    if (task !== undefined) this.#listener({ ...message, id: task.id }, worker);
  }

  /** Reports the outcome of a task, which is then no longer open. A second outcome is ignored. */
  end(key: string, outcome: TaskOutcome, worker: number): void {
    const task = this.#byKey.get(key);
    if (task === undefined) return;
    this.#byKey.delete(key);
    this.#listener({ ...outcome, id: task.id }, worker);
  }
}
