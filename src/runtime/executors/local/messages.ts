import type { Task, WorkerSetup } from '../../executor.ts';

/** Messages from the driver to a worker process: the setup once, then tasks. */
export type DriverMessage =
  { readonly type: 'setup'; readonly setup: WorkerSetup } | { readonly type: 'task'; readonly task: Task };

/** A worker's sign of life, beside the messages of its tasks. */
export interface AliveMessage {
  readonly type: 'alive';
  /** Memory that the process holds. */
  readonly bytes: number;
}
