import { fork } from 'node:child_process';
import { createAwakeClock, type Now } from '../../../timing/awake-time.ts';
import type { Executor, ExecutorListener, Task, TaskMessage, WorkerSetup } from '../../executor.ts';
import { describeExit } from './describe-exit.ts';
import type { WorkerExit } from './describe-exit.ts';
import { TaskTimes } from './task-times.ts';
import { WorkerProcess } from './worker-process.ts';
import type { WorkerChild } from './worker-process.ts';

export interface LocalPoolOptions {
  /** Absolute path of the module that calls `serveWorker`. */
  readonly entry: string;
  readonly workers: number;
  readonly setup: WorkerSetup;
  readonly env?: Readonly<Record<string, string>>;
  readonly execArgv?: readonly string[];
  /**
   * A worker that sends nothing for this long is killed. Off by default, because a long kernel call cannot
   * send.
   */
  readonly silentMs?: number;
}

/**
 * Tasks that a worker may have if its stage type is short, so that the next
 * one is there before the pipe brings it.
 */
const shortTasksAhead = 3;

/** Silent workers are looked for this often. */
const lookMs = 1_000;

/** An executor of worker processes on this machine. */
export function createLocalPool({ entry, env, execArgv = [], ...options }: LocalPoolOptions): Executor {
  const startProcess = (): WorkerChild =>
    fork(entry, [], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...env },
      execArgv: [...execArgv],
    });
  return new LocalPool({ ...options, startProcess });
}

export interface PoolRequest {
  readonly workers: number;
  readonly setup: WorkerSetup;
  readonly silentMs?: number;
  readonly startProcess: () => WorkerChild;
  /** A clock that stands still while this process is stopped. */
  readonly awake?: Now;
}

/**
 * Starts worker processes when there is work for them, gives each its
 * tasks, and replaces those that are lost.
 */
export class LocalPool implements Executor {
  readonly #request: PoolRequest;
  readonly #workers = new Set<WorkerProcess>();
  /** Workers that were replaced and may still be writing their profiles. */
  readonly #ending = new Set<WorkerProcess>();
  readonly #freeNumbers: number[];
  readonly #waiting: Task[] = [];
  readonly #times = new TaskTimes();
  readonly #awake: Now;
  readonly #silenceCheck: NodeJS.Timeout | null = null;
  #listener: ExecutorListener = () => undefined;
  #closed = false;
  /** The run wants to end. */
  #isDraining = false;

  constructor(request: PoolRequest) {
    const { workers, silentMs, awake = createAwakeClock(lookMs) } = request;
    this.#request = request;
    this.#awake = awake;
    this.#freeNumbers = Array.from({ length: workers }, (_, number) => number);
    if (silentMs !== undefined) {
      this.#silenceCheck = setInterval(() => {
        // The clock has to be read often, also while no worker has a task.
        awake();
        for (const worker of this.#workers) worker.limitSilence(silentMs);
      }, lookMs).unref();
    }
  }

  capacity(): number {
    let free = this.#request.workers - this.#workers.size - this.#waiting.length;
    for (const worker of this.#workers) free += this.#room(worker) - worker.load;
    return free;
  }

  submit(task: Task): void {
    this.#waiting.push(task);
    this.#assign();
  }

  listen(listener: ExecutorListener): void {
    this.#listener = listener;
  }

  drain(): void {
    this.#isDraining = true;
    for (const worker of this.#workers) worker.pause();
  }

  /** Replaces the workers that compute these tasks. One that waits inside a worker is short, and is computed. */
  cancel(tasks: readonly number[]): void {
    const isCancelled = (task: Task | undefined): boolean => task !== undefined && tasks.includes(task.id);
    for (let index = this.#waiting.length - 1; index >= 0; index--)
      if (isCancelled(this.#waiting[index])) this.#waiting.splice(index, 1);
    for (const worker of this.#workers) if (isCancelled(worker.current)) worker.kill();
  }

  kill(): void {
    this.#stop();
    for (const worker of [...this.#workers, ...this.#ending]) worker.kill();
  }

  async close(): Promise<void> {
    const gone = [...this.#workers, ...this.#ending].map((worker) => worker.gone);
    this.#stop();
    // All that the workers have done is committed, so only for a profile they are asked politely.
    for (const worker of this.#workers) worker.end();
    await Promise.all(gone);
  }

  #stop(): void {
    this.#closed = true;
    if (this.#silenceCheck !== null) clearInterval(this.#silenceCheck);
  }

  /**
   * Gives waiting tasks to the workers with the fewest, and starts
   * another worker rather than let a task wait.
   */
  #assign(): void {
    while (this.#waiting.length > 0 && !this.#closed) {
      let best: WorkerProcess | null = null;
      for (const worker of this.#workers) {
        if (worker.load < this.#room(worker) && (best === null || worker.load < best.load)) best = worker;
      }
      if ((best === null || best.load > 0) && this.#workers.size < this.#request.workers)
        best = this.#start();
      if (best === null) return;
      best.give(this.#waiting.shift()!);
    }
  }

  /** Tasks that the worker may have at a time. */
  #room({ current }: WorkerProcess): number {
    return current !== undefined && this.#times.isShort(current.uses) ? shortTasksAhead : 1;
  }

  #start(): WorkerProcess {
    const { startProcess, setup } = this.#request;
    const worker = new WorkerProcess(
      this.#freeNumbers.shift()!,
      { child: startProcess(), setup, awake: this.#awake },
      {
        message: (from, message, ended) => this.#receive(from, message, ended),
        exited: (from, exit) => this.#replace(from, exit),
      },
    );
    this.#workers.add(worker);
    if (this.#isDraining) worker.pause();
    return worker;
  }

  #receive(
    worker: WorkerProcess,
    message: TaskMessage,
    ended: { readonly task: Task; readonly ms: number } | null,
  ): void {
    if (ended !== null) this.#times.observe(ended.task.uses, ended.ms);
    // A wasm heap never shrinks, and a device that failed keeps failing: the next tasks get a new process.
    if (message.type === 'failed' && message.failure.code === 'out-of-memory') {
      this.#remove(worker);
      this.#waiting.unshift(...worker.takeBack());
      this.#ending.add(worker);
      void worker.gone.then(() => this.#ending.delete(worker));
      worker.end();
    }
    this.#listener(message, worker.number);
    if (ended !== null) this.#assign();
  }

  /**
   * The task that an exited worker was computing is lost; those that were
   * waiting inside it are given to others.
   */
  #replace(worker: WorkerProcess, exit: WorkerExit): void {
    if (!this.#remove(worker) || this.#closed) return;
    const [lost, ...rest] = worker.takeBack();
    this.#waiting.unshift(...rest);
    if (lost !== undefined)
      this.#listener({ type: 'lost', id: lost.id, ...describeExit(exit) }, worker.number);
    this.#assign();
  }

  #remove(worker: WorkerProcess): boolean {
    if (!this.#workers.delete(worker)) return false;
    this.#freeNumbers.unshift(worker.number);
    return true;
  }
}
