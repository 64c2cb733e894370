import type { ExecutorListener, Task, TaskMessage, TaskOutcome } from '../../executor.ts';

/**
 * The tasks of this driver that have not ended, by key. Array tasks report under the ids that their own
 * driver gave them, which may have been another one, so messages are passed on under the id that this driver
 * knows. Several cells may have tasks of one key: a message is about the one that was added first, and each outcome ends one of them.
 */
export class OpenTasks {
  readonly #byKey = new Map<string, readonly Task[]>();
  #size = 0;
  #listener: ExecutorListener = () => undefined;

  get size(): number {
    return this.#size;
  }

  listen(listener: ExecutorListener): void {
    this.#listener = listener;
  }

  add(task: Task): void {
    this.#set(task.key, [...this.#of(task.key), task]);
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** Forgets the tasks with these ids, whose outcomes nobody waits for. */
  forget(ids: ReadonlySet<number>): void {
    for (const [key, tasks] of [...this.#byKey]) {
      const left = tasks.filter(({ id }) => !ids.has(id));
      if (left.length < tasks.length) this.#set(key, left);
    }
  }

  report(key: string, message: TaskMessage, worker: number): void {
    const [task] = this.#of(key);
    if (task !== undefined) this.#listener({ ...message, id: task.id }, worker);
  }

  /** Reports the outcome of a task, which is then no longer open. One outcome more than there are tasks is ignored. */
  end(key: string, outcome: TaskOutcome, worker: number): void {
    const [task, ...left] = this.#of(key);
    if (task === undefined) return;
    this.#set(key, left);
    this.#listener({ ...outcome, id: task.id }, worker);
  }

  #of(key: string): readonly Task[] {
    return this.#byKey.get(key) ?? [];
  }

  #set(key: string, tasks: readonly Task[]): void {
    this.#size += tasks.length - this.#of(key).length;
    if (tasks.length === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, tasks);
  }
}
