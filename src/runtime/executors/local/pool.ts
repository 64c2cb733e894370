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
  /** The last of the workers, which take only tasks that do not compute on the backend. */
  readonly hostWorkers?: number;
  readonly setup: WorkerSetup;
  readonly env?: Readonly<Record<string, string>>;
  /** Further variables of each worker, by its number. */
  readonly environments?: readonly Readonly<Record<string, string>>[];
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

/**
 * Tasks that wait for workers of one kind while those of the other kind have nothing to do: at most this number may come before the first one
 * for them.
 */
const tasksPassedOver = 64;

/** Silent workers are looked for this often. */
const lookMs = 1_000;

/** An executor of worker processes on this machine. */
export function createLocalPool({
  entry,
  env,
  environments = [],
  execArgv = [],
  ...options
}: LocalPoolOptions): Executor {
  const startProcess = (number: number): WorkerChild =>
    fork(entry, [], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...env, ...environments[number] },
      execArgv: [...execArgv],
    });
  return new LocalPool({ ...options, startProcess });
}

export interface PoolRequest {
  readonly workers: number;
  readonly hostWorkers?: number;
  readonly setup: WorkerSetup;
  readonly silentMs?: number;
  readonly startProcess: (number: number) => WorkerChild;
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
    const { workers, hostWorkers = 0 } = this.#request;
    if (hostWorkers === 0) return this.#free(workers, () => true);
    const onDevice = this.#free(workers - hostWorkers, (number) => number < workers - hostWorkers);
    const onHost = this.#free(hostWorkers, (number) => number >= workers - hostWorkers);
    return Math.max(onDevice, onHost) > 0 && this.#waiting.length < tasksPassedOver ? 1 : 0;
  }

  /** Tasks that the `count` workers with these numbers can take beside those that wait for them. */
  #free(count: number, isOne: (number: number) => boolean): number {
    let free = count;
    for (const worker of this.#workers)
      if (isOne(worker.number)) free += this.#room(worker) - worker.load - 1;
    for (const task of this.#waiting) if (isOne(this.#firstFor(task))) free--;
    return free;
  }

  /** Number of the first worker of the kind that takes the task. */
  #firstFor({ onDevice = false }: Task): number {
    const { workers, hostWorkers = 0 } = this.#request;
    return onDevice || hostWorkers === 0 ? 0 : workers - hostWorkers;
  }

  /** Whether the worker with this number takes the task. */
  #takes(number: number, task: Task): boolean {
    const { workers, hostWorkers = 0 } = this.#request;
    return hostWorkers === 0 || number < workers - hostWorkers === (task.onDevice ?? false);
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
    if ((this.#request.hostWorkers ?? 0) === 0) return;
    for (const { id } of this.#waiting.splice(0)) this.#listener({ type: 'returned', id }, 0);
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
    for (let index = 0; index < this.#waiting.length && !this.#closed;) {
      const task = this.#waiting[index]!;
      const worker = this.#workerFor(task);
      if (worker === null) {
        if ((this.#request.hostWorkers ?? 0) === 0) return;
        index++;
      } else {
        this.#waiting.splice(index, 1);
        worker.give(task);
      }
    }
  }

  #workerFor(task: Task): WorkerProcess | null {
    let best: WorkerProcess | null = null;
    for (const worker of this.#workers) {
      if (!this.#takes(worker.number, task) || worker.load >= this.#room(worker)) continue;
      if (best === null || worker.load < best.load) best = worker;
    }
    if (best !== null && best.load === 0) return best;
    const free = this.#freeNumbers.findIndex((number) => this.#takes(number, task));
    return free < 0 ? best : this.#start(this.#freeNumbers.splice(free, 1)[0]!);
  }

  /** Tasks that the worker may have at a time. */
  #room({ current }: WorkerProcess): number {
    return current !== undefined && this.#times.isShort(current.uses) ? shortTasksAhead : 1;
  }

  #start(number: number): WorkerProcess {
    const { startProcess, setup } = this.#request;
    const worker = new WorkerProcess(
      number,
      { child: startProcess(number), setup, awake: this.#awake },
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
