import type { ChildProcess } from 'node:child_process';
import { inspect } from 'node:util';
import { limitTime, monotonicNow, type Now } from '../../../timing/awake-time.ts';
import type { Task, TaskMessage, WorkerSetup } from '../../executor.ts';
import { isOutcome, readTaskMessage } from '../task/read-message.ts';
import { BoundedOutput } from './bounded-output.ts';
import type { KillReason, WorkerExit } from './describe-exit.ts';
import { heldBytesOf, type DriverMessage } from './messages.ts';

/** The part of a child process that is used here, so that tests can replace it. */
export type WorkerChild = Pick<
  ChildProcess,
  'connected' | 'kill' | 'on' | 'pid' | 'send' | 'stderr' | 'stdout'
>;

export interface WorkerListener {
  /** `ended` is the task that this message ends, and how long it took. */
  readonly message: (
    worker: WorkerProcess,
    message: TaskMessage,
    ended: { readonly task: Task; readonly ms: number } | null,
  ) => void;
  /** The process has exited by itself or was killed by `limit`; what it still had is in `takeBack`. */
  readonly exited: (worker: WorkerProcess, exit: WorkerExit) => void;
}

const outputTail = 8_192;
const briefly = { depth: 1, breakLength: Infinity, maxStringLength: 100 } as const;
/** A worker that is asked to end and does not is killed after this long. */
const patienceMs = 10_000;
/** The last output of a process that has ended arrives within this time. */
const outputMs = 1_000;

/** One worker process with its tasks: the first one is being computed, the others wait inside the worker. */
export class WorkerProcess {
  /** Names the worker in events; a replacement gets the number of the one that it replaces. */
  readonly number: number;
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;
  readonly #child: WorkerChild;
  readonly #listener: WorkerListener;
  readonly #isProfiled: boolean;
  #tasks: Task[] = [];
  #lastTask: number | null = null;
  /** Stands still while the driver is stopped. */
  readonly #awake: Now;
  #startedAt = monotonicNow();
  #heardAt: number;
  #output = '';
  readonly #logged: BoundedOutput;
  #killedFor: KillReason | null = null;
  #cancelTimeLimit: (() => void) | null = null;

  constructor(
    number: number,
    {
      child,
      setup,
      awake,
    }: { readonly child: WorkerChild; readonly setup: WorkerSetup; readonly awake: Now },
    listener: WorkerListener,
  ) {
    this.number = number;
    this.#awake = awake;
    this.#heardAt = awake();
    this.#child = child;
    this.#listener = listener;
    this.#isProfiled = setup.profiles !== undefined;
    this.#logged = new BoundedOutput((text) => this.#log(text));
    const capture = (chunk: Buffer): void => this.#capture(chunk.toString());
    child.stdout?.on('data', capture);
    child.stderr?.on('data', capture);
    child.on('message', (message) => this.#receive(message));
    this.gone = new Promise((resolve) => {
      child.on('exit', () => {
        resolve();
        // A process that the worker started may outlive it and hold the other ends of these streams.
        const timer = setTimeout(() => {
          child.stdout?.destroy();
          child.stderr?.destroy();
        }, outputMs).unref();
        child.on('close', () => clearTimeout(timer));
      });
      // `close` comes after the last of its output, and `error` alone if the process could not be started at
      // all.
      child.on('close', (code, signal) => this.#exited(code, signal));
      child.on('error', (error) => {
        this.#output += error.message;
        if (child.pid !== undefined) return;
        resolve();
        this.#exited(null, null);
      });
    });
    this.#send({ type: 'setup', setup, worker: number });
  }

  /** Tasks that it has. */
  get load(): number {
    return this.#tasks.length;
  }

  /** The task that it computes. */
  get current(): Task | undefined {
    return this.#tasks[0];
  }

  give(task: Task): void {
    this.#tasks.push(task);
    this.#lastTask = task.id;
    if (this.#tasks.length === 1) this.#begin();
    this.#send({ type: 'task', task });
  }

  /** Kills the process if it has a task and has not sent anything for this long, in awake milliseconds. */
  limitSilence(ms: number): void {
    if (this.#tasks.length > 0 && this.#awake() - this.#heardAt > ms) this.#limit({ type: 'silence' });
  }

  /** Kills the process for reasons of the pool's own. */
  kill(): void {
    this.#clearTimeLimit();
    this.#child.kill('SIGKILL');
  }

  /** Asks the task that is being computed to write its checkpoint and stop, if it can. */
  pause(): void {
    this.#send({ type: 'pause' });
  }

  /** Ends the process, which has nothing to lose but its profile. */
  end(): void {
    if (!this.#isProfiled || !this.#child.connected) {
      this.kill();
      return;
    }
    this.#clearTimeLimit();
    this.#send({ type: 'end' });
    void this.gone.then(limitTime(patienceMs, () => this.kill()));
  }

  /** Takes all its tasks away, the one that it computes first. */
  takeBack(): Task[] {
    this.#clearTimeLimit();
    const tasks = this.#tasks;
    this.#tasks = [];
    return tasks;
  }

  #send(message: DriverMessage): void {
    // If sending fails, the process is exiting, and its exit gives the tasks back.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #begin(): void {
    this.#startedAt = monotonicNow();
    const limitMs = this.current?.resources.timeMs;
    if (limitMs !== undefined)
      this.#cancelTimeLimit = limitTime(limitMs, () => this.#limit({ type: 'time' }));
  }

  #receive(received: unknown): void {
    this.#heardAt = this.#awake();
    const bytes = heldBytesOf(received);
    if (bytes !== null) {
      const limit = this.current?.resources.memoryBytes;
      if (limit !== undefined && bytes > limit) this.#limit({ type: 'memory', heldBytes: bytes });
      return;
    }
    const message = readTaskMessage(received);
    const isEnd = message !== null && isOutcome(message);
    if (message === null || (isEnd && message.id !== this.current?.id)) {
      this.#capture(`a message that is not one of ravelin's was ignored: ${inspect(received, briefly)}\n`);
      return;
    }
    this.#listener.message(this, message, isEnd ? this.#end() : null);
  }

  #end(): { readonly task: Task; readonly ms: number } | null {
    this.#clearTimeLimit();
    this.#logged.end();
    const task = this.#tasks.shift();
    const ms = monotonicNow() - this.#startedAt;
    this.#output = '';
    if (this.#tasks.length > 0) this.#begin();
    return task === undefined ? null : { task, ms };
  }

  #capture(text: string): void {
    this.#output = (this.#output + text).slice(-outputTail);
    this.#logged.add(text);
  }

  #log(text: string): void {
    const task = this.current?.id ?? this.#lastTask;
    if (task !== null) this.#listener.message(this, { type: 'output', id: task, message: text }, null);
  }

  #limit(reason: KillReason): void {
    this.#killedFor ??= reason;
    this.#child.kill('SIGKILL');
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.#logged.end();
    this.#listener.exited(this, { killedFor: this.#killedFor, code, signal, output: this.#output });
  }

  #clearTimeLimit(): void {
    this.#cancelTimeLimit?.();
    this.#cancelTimeLimit = null;
  }
}
