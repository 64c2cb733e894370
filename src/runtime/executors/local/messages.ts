import type { Task, WorkerSetup } from '../../executor.ts';

/**
 * Messages from the driver to a worker process: the setup and the worker's number once, then tasks. At a `pause` a task
 * that can go on from a checkpoint writes it and ends; at an `end` the process writes its profile and exits.
 */
export type DriverMessage =
  | { readonly type: 'setup'; readonly setup: WorkerSetup; readonly worker: number }
  | { readonly type: 'task'; readonly task: Task }
  | { readonly type: 'pause' }
  | { readonly type: 'end' };

/** A worker's sign of life, beside the messages of its tasks. */
export interface AliveMessage {
  readonly type: 'alive';
  /** Memory that the process holds. */
  readonly bytes: number;
}

/** The memory that a worker's sign of life reports; null for any other message. */
export function heldBytesOf(message: unknown): number | null {
  const { type, bytes } = (message ?? {}) as Partial<AliveMessage>;
  return type === 'alive' && typeof bytes === 'number' ? bytes : null;
}
