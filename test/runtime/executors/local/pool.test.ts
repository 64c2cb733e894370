import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Task, WorkerSetup } from '../../../../src/runtime/executor.ts';
import { createAwakeClock } from '../../../../src/timing/awake-time.ts';
import { LocalPool } from '../../../../src/runtime/executors/local/pool.ts';
import { ConductedProcess } from '../../fixtures/conducted-process.ts';
import { makeTask, setup } from '../../fixtures/tasks.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A pool with the processes that it started, in order, and what it reported. */
function open(
  workers: number,
  options: {
    readonly silentMs?: number;
    readonly setup?: WorkerSetup;
    readonly awake?: () => number;
    readonly hostWorkers?: number;
  } = {},
) {
  const processes: ConductedProcess[] = [];
  const reports: string[] = [];
  const pool = new LocalPool({
    workers,
    setup,
    ...options,
    startProcess: () => {
      processes.push(new ConductedProcess());
      return processes.at(-1)!.child;
    },
  });
  pool.listen((message, worker) => {
    const text = 'message' in message ? `: ${message.message}` : '';
    reports.push(`${message.type} ${message.id} by ${worker}${text}`);
  });
  return { pool, processes, reports };
}

const submit = (pool: LocalPool, ...tasks: readonly (number | Task)[]): void =>
  tasks.forEach((task) => pool.submit(typeof task === 'number' ? makeTask(task) : task));
const tasksOf = (processes: readonly ConductedProcess[]): (readonly number[])[] =>
  processes.map(({ tasks }) => tasks);

describe('a pool', () => {
  test('starts a process only for a task, and no more than it may', () => {
    const { pool, processes } = open(2);
    expect([pool.capacity(), processes.length]).toEqual([2, 0]);
    submit(pool, 1);
    expect([pool.capacity(), tasksOf(processes)]).toEqual([1, [[1]]]);
    expect(processes[0]!.received[0]).toEqual({ type: 'setup', setup, worker: 0 });
    submit(pool, 2, 3);
    expect([pool.capacity(), tasksOf(processes)]).toEqual([-1, [[1], [2]]]);
  });

  test('gives the next task to whoever is done', () => {
    const { pool, processes, reports } = open(2);
    submit(pool, 1, 2, 3);
    processes[1]!.message({ type: 'started', id: 2 });
    vi.advanceTimersByTime(100);
    processes[1]!.commit(2);
    expect(reports).toEqual(['started 2 by 1', 'committed 2 by 1']);
    expect(tasksOf(processes)).toEqual([[1], [2, 3]]);
  });

  test('gives a worker three tasks at a time once those of their type have turned out to be short', () => {
    const { pool, processes } = open(1);
    submit(pool, 1, 2, 3, 4, 5);
    expect(tasksOf(processes)).toEqual([[1]]);
    vi.advanceTimersByTime(10);
    processes[0]!.commit(1);
    expect([pool.capacity(), tasksOf(processes)]).toEqual([-1, [[1, 2, 3, 4]]]);
    processes[0]!.commit(2);
    expect([pool.capacity(), tasksOf(processes)]).toEqual([0, [[1, 2, 3, 4, 5]]]);
    processes[0]!.commit(3);
    expect(pool.capacity()).toBe(1);
  });
});

test('another worker is started rather than a short task kept waiting', () => {
  const { pool, processes } = open(2);
  submit(pool, 1);
  processes[0]!.commit(1);
  submit(pool, 2, 3, 4);
  expect(tasksOf(processes)).toEqual([[1, 2, 4], [3]]);
});

describe('a worker that exits', () => {
  test('loses the task that it computed; those that waited inside it go to others first', () => {
    const { pool, processes, reports } = open(1);
    submit(pool, 1);
    vi.advanceTimersByTime(1);
    processes[0]!.commit(1);
    submit(pool, 2, 3, 4, 5);
    expect(tasksOf(processes)).toEqual([[1, 2, 3, 4]]);
    processes[0]!.exit(3);
    expect(reports.slice(1)).toEqual(['lost 2 by 0: the worker crashed (exit code 3)']);
    expect(tasksOf(processes)).toEqual([
      [1, 2, 3, 4],
      [3, 4, 5],
    ]);
  });

  test('is replaced by one of the same number', () => {
    const { pool, processes, reports } = open(3);
    submit(pool, 1, 2);
    processes[0]!.exit(null, 'SIGKILL');
    submit(pool, 3);
    processes[2]!.message({ type: 'started', id: 3 });
    expect(reports.at(-1)).toBe('started 3 by 0');
  });

  test('and what could not even be started says why', () => {
    const { pool, processes, reports } = open(1);
    submit(pool, 1);
    processes[0]!.pid = undefined;
    processes[0]!.emit('error', new Error('spawn ENOENT'));
    expect(reports).toEqual([
      'lost 1 by 0: the worker crashed (exit code null); its last output was: spawn ENOENT',
    ]);
  });

  test('says what it wrote last, and not what it wrote of an earlier task', () => {
    const { pool, processes, reports } = open(1);
    submit(pool, 1, 2);
    processes[0]!.write('of the first\n');
    vi.advanceTimersByTime(100);
    processes[0]!.commit(1);
    processes[0]!.write('of the second\n');
    processes[0]!.exit(1);
    expect(reports).toEqual([
      'output 1 by 0: of the first\n',
      'committed 1 by 0',
      'output 2 by 0: of the second\n',
      'lost 2 by 0: the worker crashed (exit code 1); its last output was: of the second',
    ]);
  });
});

test('the worker of a cancelled task is killed and replaced, and a cancelled task that waits is dropped', () => {
  const { pool, processes, reports } = open(1);
  submit(pool, 1, 2, 3);
  pool.cancel([1, 2]);
  expect(processes[0]!.signals).toEqual(['SIGKILL']);
  processes[0]!.exit(null, 'SIGKILL');
  expect(reports).toEqual([expect.stringMatching(/^lost 1 by 0/)]);
  expect(tasksOf(processes)).toEqual([[1], [3]]);
});

test('a worker that ran out of memory is replaced, and its next tasks go to the new one', () => {
  const { pool, processes, reports } = open(1);
  submit(pool, 1);
  processes[0]!.commit(1);
  submit(pool, 2, 3, 4);
  processes[0]!.message({ type: 'failed', id: 2, failure: { code: 'out-of-memory', message: 'full' } });
  expect(processes[0]!.signals).toEqual(['SIGKILL']);
  expect(processes[1]!.tasks).toEqual([3, 4]);
  processes[0]!.exit(null, 'SIGKILL');
  expect(reports.slice(1)).toEqual(['failed 2 by 0']);
});

test('a worker whose task failed for another reason goes on', () => {
  const { pool, processes } = open(1);
  submit(pool, 1, 2);
  vi.advanceTimersByTime(100);
  processes[0]!.message({ type: 'failed', id: 1, failure: { code: 'stage', message: 'no' } });
  expect([processes[0]!.signals, tasksOf(processes)]).toEqual([[], [[1, 2]]]);
});

describe('a limit', () => {
  test('of time is counted from the beginning of each task', () => {
    const { pool, processes, reports } = open(1);
    const limited = (id: number): Task => makeTask(id, { resources: { timeMs: 5_000 } });
    submit(pool, limited(1), limited(2));
    vi.advanceTimersByTime(4_000);
    processes[0]!.commit(1);
    vi.advanceTimersByTime(4_999);
    expect(processes[0]!.signals).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(processes[0]!.signals).toEqual(['SIGKILL']);
    processes[0]!.exit(null, 'SIGKILL');
    expect(reports.at(-1)).toBe('lost 2 by 0: it took longer than its `time` resource allows');
  });

  test('of time is not shared by tasks that wait inside the worker', () => {
    const { pool, processes, reports } = open(1);
    submit(pool, 1);
    processes[0]!.commit(1);
    submit(pool, makeTask(2, { resources: { timeMs: 5_000 } }));
    submit(pool, makeTask(3, { resources: { timeMs: 5_000 } }));
    expect(processes[0]!.tasks).toEqual([1, 2, 3]);
    vi.advanceTimersByTime(4_000);
    processes[0]!.commit(2);
    vi.advanceTimersByTime(4_000);
    expect(processes[0]!.signals).toEqual([]);
    vi.advanceTimersByTime(1_000);
    processes[0]!.exit(null, 'SIGKILL');
    expect(reports.at(-1)).toMatch(/^lost 3 by 0: it took longer/);
  });

  test('of memory is compared to what the worker says that it holds', () => {
    const { pool, processes, reports } = open(1);
    submit(pool, makeTask(1, { resources: { memoryBytes: 2 ** 30 } }));
    processes[0]!.message({ type: 'alive', bytes: 2 ** 30 });
    expect(processes[0]!.signals).toEqual([]);
    processes[0]!.message({ type: 'alive', bytes: 2 ** 30 + 2 ** 20 });
    expect(processes[0]!.signals).toEqual(['SIGKILL']);
    processes[0]!.exit(null, 'SIGKILL');
    expect(reports).toEqual([
      'lost 1 by 0: the worker held 1025 MiB, more than its `memory` resource allows',
    ]);
  });

  test('of silence spares a worker that sends a sign of life, and one without a task', () => {
    const { pool, processes, reports } = open(2, { silentMs: 3_000 });
    submit(pool, 1, 2);
    processes[1]!.commit(2);
    for (let second = 0; second < 10; second++) {
      processes[0]!.message({ type: 'alive', bytes: 0 });
      vi.advanceTimersByTime(1_000);
    }
    expect(processes.map(({ signals }) => signals)).toEqual([[], []]);
    vi.advanceTimersByTime(4_000);
    expect(processes.map(({ signals }) => signals.length > 0)).toEqual([true, false]);
    processes[0]!.exit(null, 'SIGKILL');
    expect(reports.at(-1)).toBe('lost 1 by 0: the worker stopped responding and was killed');
  });
});

describe('a driver that was stopped', () => {
  /** Moves the clock on without a timer running. */
  const stoppable = () => {
    let stoppedMs = 0;
    return {
      awake: createAwakeClock(1_000, () => performance.now() + stoppedMs),
      stop: (ms: number) => void (stoppedMs += ms),
    };
  };

  test('does not take its workers for silent when it goes on, but gives them as long as before', () => {
    const { awake, stop } = stoppable();
    const { pool, processes, reports } = open(1, { silentMs: 15 * 60_000, awake });
    submit(pool, 1);
    vi.advanceTimersByTime(60_000);
    stop(16 * 60_000);
    vi.advanceTimersByTime(1_000);
    expect(processes[0]!.signals).toEqual([]);
    vi.advanceTimersByTime(13 * 60_000);
    expect(processes[0]!.signals).toEqual([]);
    vi.advanceTimersByTime(2 * 60_000);
    expect(processes[0]!.signals[0]).toBe('SIGKILL');
    processes[0]!.exit(null, 'SIGKILL');
    expect(reports).toEqual(['lost 1 by 0: the worker stopped responding and was killed']);
  });

  test('is not confused by another time of day', () => {
    const { pool, processes } = open(1, { silentMs: 60_000 });
    submit(pool, makeTask(1, { resources: { timeMs: 60_000 } }));
    vi.setSystemTime(Date.now() + 400 * 86_400_000);
    vi.advanceTimersByTime(1_000);
    expect(processes[0]!.signals).toEqual([]);
  });
});

describe('the end', () => {
  test('kills all workers, reports nothing more of their tasks, and comes when the last one is gone', async () => {
    const { pool, processes, reports } = open(2, { silentMs: 60_000 });
    submit(pool, 1, makeTask(2, { resources: { timeMs: 1_000 } }), 3);
    const closed = vi.fn();
    const closing = pool.close().then(closed);
    expect(processes.map(({ signals }) => signals)).toEqual([['SIGKILL'], ['SIGKILL']]);
    processes[0]!.exit(null, 'SIGKILL');
    await Promise.resolve();
    expect(closed).not.toHaveBeenCalled();
    processes[1]!.exit(null, 'SIGKILL');
    await closing;
    expect([reports, processes.length, vi.getTimerCount()]).toEqual([[], 2, 0]);
  });

  test('does not wait for a worker that is gone already', async () => {
    const { pool, processes } = open(1);
    submit(pool, 1);
    // Its output is not read to the end yet, so that `close` has not come.
    processes[0]!.emit('exit', 1, null);
    await pool.close();
  });
});

describe('a worker with a profile', () => {
  const profiled = { setup: { ...setup, profiles: '/profiles' } };

  test('is asked to end, so that it can write it', async () => {
    const { pool, processes } = open(1, profiled);
    submit(pool, 1);
    processes[0]!.commit(1);
    const closed = pool.close();
    expect([processes[0]!.received.at(-1), processes[0]!.signals]).toEqual([{ type: 'end' }, []]);
    processes[0]!.exit(0);
    await closed;
  });

  test('is killed if it does not end', async () => {
    const { pool, processes } = open(1, profiled);
    submit(pool, 1);
    const closed = pool.close();
    vi.advanceTimersByTime(10_000);
    expect(processes[0]!.signals).toEqual(['SIGKILL']);
    processes[0]!.exit(null, 'SIGKILL');
    await closed;
  });

  test('is asked when another one takes its place, and waited for', async () => {
    const { pool, processes } = open(1, profiled);
    submit(pool, 1, 2);
    const failure = { code: 'out-of-memory', message: 'too large' };
    processes[0]!.message({ type: 'failed', id: 1, failure });
    expect([processes[0]!.received.at(-1), tasksOf(processes)]).toEqual([{ type: 'end' }, [[1], [2]]]);
    let isClosed = false;
    const closed = pool.close().then(() => (isClosed = true));
    processes[1]!.exit(0);
    await Promise.resolve();
    expect(isClosed).toBe(false);
    processes[0]!.exit(0);
    await closed;
  });

  test('is killed at once if the run is', () => {
    const { pool, processes } = open(1, profiled);
    submit(pool, 1);
    pool.kill();
    expect(processes[0]!.signals).toEqual(['SIGKILL']);
  });
});

describe('a pool with workers that have no device', () => {
  const onDevice = (id: number): Task => ({ ...makeTask(id), onDevice: true });

  test('gives each kind its tasks, and looks past those that wait for the device', () => {
    const { pool, processes } = open(2, { hostWorkers: 1 });
    submit(pool, onDevice(1), onDevice(2), onDevice(3));
    expect([pool.capacity(), tasksOf(processes)]).toEqual([1, [[1]]]);
    submit(pool, 4, 5);
    expect([pool.capacity(), tasksOf(processes)]).toEqual([0, [[1], [4]]]);
    expect(processes.map(({ received }) => received[0])).toEqual([
      { type: 'setup', setup, worker: 0 },
      { type: 'setup', setup, worker: 1 },
    ]);
    processes[0]!.commit(1);
    processes[1]!.commit(4);
    expect(tasksOf(processes)).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  test('passes over no more than 64 tasks', () => {
    const { pool, processes } = open(2, { hostWorkers: 1 });
    for (let id = 1; id <= 64; id++) submit(pool, onDevice(id));
    expect(pool.capacity()).toBe(1);
    submit(pool, onDevice(65));
    expect([pool.capacity(), tasksOf(processes)]).toEqual([0, [[1]]]);
  });

  test('returns what waits when the run wants to end', () => {
    const { pool, processes, reports } = open(2, { hostWorkers: 1 });
    submit(pool, onDevice(1), onDevice(2), 3);
    pool.drain();
    expect([reports, tasksOf(processes)]).toEqual([['returned 2 by 0'], [[1], [3]]]);
  });
});
