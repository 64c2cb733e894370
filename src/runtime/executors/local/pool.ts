import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Executor, ExecutorListener, Task, TaskMessage, WorkerSetup } from '../../executor.ts';
import type { AliveMessage, DriverMessage } from './worker.ts';

export interface PoolOptions {
  /** Absolute path of the module that calls `serveWorker`. */
  readonly entry: string;
  readonly workers: number;
  readonly setup: WorkerSetup;
  readonly env?: Readonly<Record<string, string>>;
  readonly execArgv?: readonly string[];
  /** A worker that is silent for so long is killed; off where absent, as a long kernel call cannot send. */
  readonly silentMs?: number;
}

interface Worker {
  readonly number: number;
  readonly process: ChildProcess;
  /** The first one is being computed, the others wait inside the worker. */
  readonly tasks: Task[];
  startedAt: number;
  heardAt: number;
  lastTask: number;
  stderr: string;
  timedOut: boolean;
  /** Memory that it held when it was ended for holding too much. */
  tooLargeBytes: number | null;
  /** Ended because it did not answer any more. */
  wasSilent: boolean;
  timer: NodeJS.Timeout | null;
}

/** A stage type whose units take less gets the next task before it is done, to hide the way through the pipe. */
const shortTaskMs = 25;
const stderrTail = 8_192;

/** Worker processes on this machine, started when there is work for them. */
export function createLocalPool(options: PoolOptions): Executor {
  const workers = new Set<Worker>();
  const waiting: Task[] = [];
  const meanMs = new Map<string, number>();
  const numbers = Array.from({ length: options.workers }, (_, index) => index);
  let listener: ExecutorListener = () => undefined;
  let closed = false;

  const depth = (worker: Worker): number => {
    const running = worker.tasks[0];
    return running !== undefined && (meanMs.get(running.uses) ?? Infinity) < shortTaskMs ? 3 : 1;
  };

  const assign = (): void => {
    while (waiting.length > 0 && !closed) {
      let best: Worker | null = null;
      for (const worker of workers) {
        if (worker.tasks.length < depth(worker) && (best === null || worker.tasks.length < best.tasks.length))
          best = worker;
      }
      if ((best === null || best.tasks.length > 0) && workers.size < options.workers) best = start();
      if (best === null) return;
      give(best, waiting.shift()!);
    }
  };

  const give = (worker: Worker, task: Task): void => {
    worker.tasks.push(task);
    worker.lastTask = task.id;
    if (worker.tasks.length === 1) begin(worker);
    post(worker, { type: 'task', task });
  };

  const begin = (worker: Worker): void => {
    worker.startedAt = Date.now();
    const limit = worker.tasks[0]?.resources.timeMs ?? null;
    if (limit === null) return;
    worker.timer = setTimeout(() => {
      worker.timedOut = true;
      worker.process.kill('SIGKILL');
    }, limit);
  };

  const end = (worker: Worker): Task | undefined => {
    if (worker.timer !== null) clearTimeout(worker.timer);
    worker.timer = null;
    return worker.tasks.shift();
  };

  const post = (worker: Worker, message: DriverMessage): void => {
    // A failed send means that the process is going; its exit gives the tasks back.
    if (worker.process.connected) worker.process.send(message, () => undefined);
  };

  const start = (): Worker => {
    const child = fork(options.entry, [], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...options.env },
      execArgv: [...(options.execArgv ?? [])],
    });
    const worker: Worker = {
      number: numbers.shift()!,
      process: child,
      tasks: [],
      startedAt: Date.now(),
      heardAt: Date.now(),
      lastTask: -1,
      stderr: '',
      timedOut: false,
      tooLargeBytes: null,
      wasSilent: false,
      timer: null,
    };
    workers.add(worker);
    const capture = (chunk: Buffer): void => {
      const message = chunk.toString();
      worker.stderr = (worker.stderr + message).slice(-stderrTail);
      if (worker.lastTask >= 0)
        listener({ type: 'output', id: worker.tasks[0]?.id ?? worker.lastTask, message }, worker.number);
    };
    child.stdout?.on('data', capture);
    child.stderr?.on('data', capture);
    child.on('message', (message) => receive(worker, message as TaskMessage | AliveMessage));
    // `close` comes after the last of its output, `error` where it could not be started at all.
    child.on('close', (code, signal) => gone(worker, code, signal));
    child.on('error', (error) => {
      worker.stderr += error.message;
      if (child.pid === undefined) gone(worker, null, null);
    });
    post(worker, { type: 'setup', setup: options.setup });
    return worker;
  };

  const receive = (worker: Worker, message: TaskMessage | AliveMessage): void => {
    worker.heardAt = Date.now();
    if (message.type === 'alive') {
      const most = worker.tasks[0]?.resources.memoryBytes;
      if (most !== undefined && message.bytes > most) {
        worker.tooLargeBytes = message.bytes;
        worker.process.kill('SIGKILL');
      }
      return;
    }
    const isEnd = message.type === 'committed' || message.type === 'failed' || message.type === 'damaged';
    if (isEnd) {
      const task = end(worker);
      if (task !== undefined) {
        const before = meanMs.get(task.uses);
        const took = Date.now() - worker.startedAt;
        meanMs.set(task.uses, before === undefined ? took : 0.7 * before + 0.3 * took);
      }
      if (worker.tasks.length > 0) begin(worker);
      worker.stderr = '';
    }
    // A wasm heap never shrinks, and a device that failed stays failed: start afresh with what was next.
    if (message.type === 'failed' && message.failure.code === 'out-of-memory') retire(worker);
    listener(message, worker.number);
    if (isEnd) assign();
  };

  const retire = (worker: Worker): void => {
    if (worker.timer !== null) clearTimeout(worker.timer);
    waiting.unshift(...worker.tasks.splice(0));
    workers.delete(worker);
    numbers.unshift(worker.number);
    worker.process.kill('SIGKILL');
  };

  const gone = (worker: Worker, code: number | null, signal: NodeJS.Signals | null): void => {
    if (!workers.delete(worker)) return;
    numbers.unshift(worker.number);
    if (closed) return;
    const lost = end(worker);
    waiting.unshift(...worker.tasks.splice(0));
    if (lost !== undefined)
      listener({ type: 'lost', id: lost.id, ...describeEnd(worker, code, signal) }, worker.number);
    assign();
  };

  const heartbeat =
    options.silentMs === undefined
      ? null
      : setInterval(() => {
          for (const worker of workers) {
            if (worker.tasks.length === 0 || Date.now() - worker.heardAt <= options.silentMs!) continue;
            worker.wasSilent = true;
            worker.process.kill('SIGKILL');
          }
        }, 1_000).unref();

  const killAll = (): void => {
    closed = true;
    if (heartbeat !== null) clearInterval(heartbeat);
    for (const worker of workers) {
      if (worker.timer !== null) clearTimeout(worker.timer);
      worker.process.kill('SIGKILL');
    }
  };

  return {
    capacity() {
      let free = options.workers - workers.size - waiting.length;
      for (const worker of workers) free += depth(worker) - worker.tasks.length;
      return free;
    },
    submit(task) {
      waiting.push(task);
      assign();
    },
    listen(next) {
      listener = next;
    },
    kill: killAll,
    async close() {
      const exits = [...workers].map(
        (worker) => new Promise<void>((resolve) => worker.process.once('exit', () => resolve())),
      );
      // All they have done is committed: nothing is gained by asking politely.
      killAll();
      await Promise.all(exits);
    },
  };
}

function describeEnd(
  worker: Worker,
  code: number | null,
  signal: NodeJS.Signals | null,
): { cause: 'crash' | 'out-of-memory' | 'timeout'; message: string } {
  if (worker.timedOut) return { cause: 'timeout', message: 'it took longer than its `time` resource allows' };
  if (worker.wasSilent)
    return { cause: 'crash', message: 'the worker did not answer any more and was ended' };
  if (worker.tooLargeBytes !== null) {
    const size = `${Math.round(worker.tooLargeBytes / 2 ** 20)} MiB`;
    return {
      cause: 'out-of-memory',
      message: `the worker held ${size}, more than its \`memory\` resource allows`,
    };
  }
  const said = worker.stderr.trim().split('\n').slice(-20).join('\n');
  const detail = said === '' ? '' : `; it said: ${said}`;
  if (/heap out of memory|Allocation failed/i.test(worker.stderr)) {
    return { cause: 'out-of-memory', message: `the worker ran out of memory${detail}` };
  }
  if (signal === 'SIGKILL' || code === 137) {
    return {
      cause: 'out-of-memory',
      message: `the worker was killed, as systems do that run out of memory${detail}`,
    };
  }
  const how = signal === null ? `exit code ${String(code)}` : signal;
  return { cause: 'crash', message: `the worker crashed (${how})${detail}` };
}
