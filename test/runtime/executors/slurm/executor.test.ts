/**
 * The executor on a scheduler that runs nothing: the tests write what
 * array tasks would, and move a fake clock.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Executor, TaskMessage, TaskOutcome } from '../../../../src/runtime/executor.ts';
import { endPath, messagesPath, readManifest } from '../../../../src/runtime/executors/slurm/batch.ts';
import { createSlurmExecutor } from '../../../../src/runtime/executors/slurm/executor.ts';
import { SchedulerError } from '../../../../src/runtime/executors/slurm/scheduler.ts';
import type { CommitRecord } from '../../../../src/runtime/store/record.ts';
import { makeFolder } from '../../fixtures/graphs.ts';
import { makeTask, setup } from '../../fixtures/tasks.ts';
import { ConductedScheduler, state } from './conducted-scheduler.ts';

let cache = '';
const executors: Executor[] = [];
beforeEach(() => {
  cache = makeFolder();
  vi.useFakeTimers();
});
afterEach(async () => {
  await Promise.all(executors.splice(0).map((executor) => executor.close()));
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const pollMs = 30_000;

interface Rig {
  readonly executor: Executor;
  readonly scheduler: ConductedScheduler;
  /** `TYPE ID`, with a message if there is one. */
  readonly outcomes: string[];
  readonly reports: string[];
  readonly committed: Set<string>;
}

async function open({
  scheduler = new ConductedScheduler(),
  unitsPerTask = 1,
  run = 'r1',
} = {}): Promise<Rig> {
  const outcomes: string[] = [];
  const reports: string[] = [];
  const committed = new Set<string>();
  const executor = await createSlurmExecutor(
    {
      run,
      store: {
        folder: cache,
        readRecord: (key) =>
          committed.has(key) ? ({ outputs: {}, seconds: 1 } as unknown as CommitRecord) : null,
      },
      setup,
      plugins: [],
      options: { cpus: 1, unitsPerTask, flags: [], pollMs },
      node: '/usr/bin/node',
      entry: '/ravelin/worker.js',
      report: (message) => reports.push(message),
    },
    scheduler,
  );
  executors.push(executor);
  executor.listen((message) => {
    const failure = message.type === 'failed' ? message.failure : message;
    const text = 'message' in failure ? `: ${failure.message}` : '';
    outcomes.push(`${message.type} ${message.id}${text}`);
  });
  return { executor, scheduler, outcomes, reports, committed };
}

const submit = async (executor: Executor, ...ids: readonly number[]): Promise<void> => {
  for (const id of ids) executor.submit(makeTask(id));
  await vi.advanceTimersByTimeAsync(100);
};
/** Time for a look at the files, but not for a query. */
const look = (): Promise<unknown> => vi.advanceTimersByTimeAsync(500);
const poll = (): Promise<unknown> => vi.advanceTimersByTimeAsync(pollMs);

/** What an array task does: the ids are those of the driver that submitted it. */
const write = (batch: string, index: number, message: TaskMessage): void =>
  appendFileSync(messagesPath(join(cache, 'slurm', batch), index), `${JSON.stringify(message)}\n`);
const end = (batch: string, index: number, ...outcomes: readonly TaskOutcome[]): void =>
  writeFileSync(endPath(join(cache, 'slurm', batch), index), JSON.stringify(outcomes));
const commit = (id: number): TaskOutcome => {
  return { type: 'committed', id, outputs: {}, seconds: 1, reused: false, peakBytes: 0 };
};

test('ready units of a stage become one array job, and their messages and ends come through the cache', async () => {
  const { executor, scheduler, outcomes, reports } = await open({ unitsPerTask: 2 });
  await submit(executor, 1, 2, 3);
  expect(executor.capacity()).toBe(10_000 - 3);
  expect(scheduler.calls).toEqual([`submit ${cache}/slurm/r1-0/script.sh`]);
  expect(readFileSync(join(cache, 'slurm/r1-0/script.sh'), 'utf8')).toContain('#SBATCH --array=0-1\n');
  const { groups, stage } = readManifest(join(cache, 'slurm/r1-0'));
  expect([stage, groups.map((tasks) => tasks.map(({ id }) => id))]).toEqual(['stage', [[1, 2], [3]]]);
  expect(reports).toEqual(['submitted stage: job 101 with 2 tasks']);

  write('r1-0', 0, { type: 'started', id: 1 });
  await look();
  expect(outcomes).toEqual(['started 1']);
  end('r1-0', 0, commit(1), { type: 'failed', id: 2, failure: { code: 'stage', message: 'no' } });
  await look();
  expect(outcomes.slice(1)).toEqual(['committed 1', 'failed 2: no']);
  expect(existsSync(join(cache, 'slurm/r1-0/closed'))).toBe(false);
  end('r1-0', 1, commit(3));
  await look();
  expect(outcomes.slice(3)).toEqual(['committed 3']);
  expect(executor.capacity()).toBe(10_000);
  expect(readdirSync(join(cache, 'slurm/r1-0')).sort()).toEqual(['closed', 'job.json', 'logs', 'script.sh']);
  expect(scheduler.calls).toHaveLength(1);
});

test('units of two cells with the same key both come to their end', async () => {
  const { executor, outcomes } = await open();
  for (const id of [1, 2]) executor.submit(makeTask(id, { key: 'k' }));
  await vi.advanceTimersByTimeAsync(100);
  end('r1-0', 0, commit(1));
  end('r1-0', 1, commit(2));
  await look();
  expect(outcomes).toEqual(['committed 1', 'committed 2']);
  expect(executor.capacity()).toBe(10_000);
});

test.each(['null', '{', '[]', '[{ "type": "committed", "id": 1 }, null]', '[1, 2]'])(
  'an end that cannot be read (%s) is a lost task, but what it has committed stays',
  async (text) => {
    const { executor, outcomes, committed } = await open({ unitsPerTask: 2 });
    await submit(executor, 1, 2);
    committed.add(makeTask(1).key);
    writeFileSync(endPath(join(cache, 'slurm/r1-0'), 0), text);
    await look();
    expect(outcomes).toEqual([
      'committed 1',
      expect.stringMatching(/^lost 2: the report of task 0 of job 101 cannot be read: /),
    ]);
  },
);

test('a batch whose manifest or number cannot be read is not adopted', async () => {
  const scheduler = new ConductedScheduler();
  for (const [name, manifest, job] of [
    ['a', 'null', '{"job":"1"}'],
    ['b', '{"format":1,"run":"r","groups":[null]}', '{"job":"1"}'],
    ['c', '{"format":1,"run":"r","groups":[[{}]]}', '{"job":"1"}'],
    ['d', '{"format":1,"run":"r","groups":[[{"key":"k"}]]}', '{"job":"--user=root"}'],
    ['e', '{"format":1,"run":"r","groups":[[{"key":"k"}]]}', '{"job":5}'],
  ] as const) {
    mkdirSync(join(cache, 'slurm', name), { recursive: true });
    writeFileSync(join(cache, 'slurm', name, 'manifest.json'), manifest);
    writeFileSync(join(cache, 'slurm', name, 'job.json'), job);
  }
  const { executor } = await open({ scheduler });
  executor.kill();
  // It queries and cancels no job.
  expect(scheduler.calls).toEqual(['cancel ']);
});

test('what comes later is a job of its own, and a large array is several', async () => {
  const scheduler = new ConductedScheduler();
  scheduler.maxArraySize = 2;
  const { executor, reports } = await open({ scheduler });
  await submit(executor, 1, 2, 3);
  await submit(executor, 4);
  expect(reports).toEqual([
    'submitted stage: job 101 with 2 tasks',
    'submitted stage: job 102 with 1 tasks',
    'submitted stage: job 103 with 1 tasks',
  ]);
});

test('tasks of a job that cannot be submitted fail, and say what to look at', async () => {
  const { executor, scheduler, outcomes } = await open();
  scheduler.error = new SchedulerError('sbatch failed: invalid partition');
  const failures: unknown[] = [];
  executor.listen((message) => failures.push(message));
  await submit(executor, 1, 2);
  const failure = {
    code: 'io',
    message: 'sbatch failed: invalid partition',
    fix: "check the script in the cache's slurm folder, and run ravelin doctor slurm",
  };
  expect(failures).toEqual([
    { type: 'failed', id: 1, failure },
    { type: 'failed', id: 2, failure },
  ]);
  expect(outcomes).toEqual([]);
});

describe('a task that ended without reporting it', () => {
  test('is lost once its end has had time to be seen; its other units are given back', async () => {
    const { executor, scheduler, outcomes, committed } = await open({ unitsPerTask: 3 });
    await submit(executor, 1, 2, 3);
    committed.add(makeTask(1).key);
    scheduler.states = [state('101', 0, 'RUNNING')];
    await poll();
    expect(scheduler.calls.slice(1)).toEqual(['query 101']);
    scheduler.states = [state('101', 0, 'NODE_FAIL', { nodes: 'n1' })];
    await poll();
    expect(outcomes).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_500);
    expect(outcomes).toEqual([
      'committed 1',
      expect.stringMatching(/^lost 2: task 0 of job 101 ended on n1: NODE_FAIL; its log is /),
      'returned 3',
    ]);
  });

  test('is lost as well if it was cancelled by somebody else', async () => {
    const { executor, scheduler, outcomes } = await open();
    await submit(executor, 1);
    scheduler.states = [state('101', 0, 'CANCELLED by 1000')];
    await poll();
    await vi.advanceTimersByTimeAsync(5_500);
    expect(outcomes).toEqual([expect.stringMatching(/^lost 1: task 0 of job 101 ended: CANCELLED by 1000/)]);
  });

  test('is not lost if its end is seen meanwhile', async () => {
    const { executor, outcomes } = await open();
    await submit(executor, 1);
    await poll();
    end('r1-0', 0, commit(1));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(outcomes).toEqual(['committed 1']);
  });

  test('is not lost if its end is written while the scheduler is queried', async () => {
    const { executor, scheduler, outcomes } = await open();
    await submit(executor, 1);
    await poll();
    const answer = scheduler.queryTasks;
    Object.assign(scheduler, {
      queryTasks: (jobs: readonly string[]) => {
        end('r1-0', 0, commit(1));
        return answer(jobs);
      },
    });
    await vi.advanceTimersByTimeAsync(5_500);
    expect(outcomes).toEqual(['committed 1']);
  });
});

test('a scheduler that does not answer is reported and queried again', async () => {
  const { executor, scheduler, outcomes, reports } = await open();
  await submit(executor, 1);
  scheduler.error = new SchedulerError('squeue failed: timeout');
  await poll();
  expect(reports.slice(1)).toEqual(['squeue failed: timeout; querying the scheduler again later']);
  scheduler.error = null;
  scheduler.states = [state('101', 0, 'RUNNING')];
  await poll();
  expect(scheduler.calls.filter((call) => call === 'query 101')).toHaveLength(2);
  expect(outcomes).toEqual([]);
});

test('the scheduler is not queried again before it has answered', async () => {
  const { executor, scheduler } = await open();
  await submit(executor, 1);
  let queries = 0;
  let answer: (states: readonly []) => void = () => undefined;
  Object.assign(scheduler, {
    queryTasks: () => {
      queries++;
      return new Promise<readonly []>((resolve) => (answer = resolve));
    },
  });
  await poll();
  await poll();
  await poll();
  expect(queries).toBe(1);
  answer([]);
  await poll();
  expect(queries).toBe(2);
});

test('an unusual reason to wait is reported once', async () => {
  const { executor, scheduler, reports } = await open();
  await submit(executor, 1, 2);
  scheduler.states = [0, 1].map((index) => state('101', index, 'PENDING', { reason: 'AssocGrpCpuLimit' }));
  await poll();
  await poll();
  expect(reports.slice(1)).toEqual(['job 101 is waiting: AssocGrpCpuLimit']);
});

describe('an interruption', () => {
  test('gives back what has not begun, and waits for what runs', async () => {
    const { executor, scheduler, outcomes } = await open();
    await submit(executor, 1, 2);
    executor.submit(makeTask(3));
    scheduler.states = [state('101', 0, 'RUNNING'), state('101', 1, 'CANCELLED')];
    executor.drain!();
    expect(outcomes).toEqual(['returned 3']);
    await vi.advanceTimersByTimeAsync(0);
    expect(scheduler.calls.slice(1)).toEqual(['cancel pending 101', 'query 101']);
    expect(outcomes).toEqual(['returned 3', 'returned 2']);
    end('r1-0', 0, commit(1));
    await look();
    expect(outcomes.at(-1)).toBe('committed 1');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(scheduler.calls.filter((call) => call.startsWith('submit'))).toHaveLength(1);
  });

  test('that comes a second time cancels all jobs', async () => {
    const { executor, scheduler, reports } = await open();
    await submit(executor, 1);
    executor.kill();
    await executor.close();
    expect(scheduler.calls.slice(1)).toEqual(['cancel 101']);
    scheduler.error = new SchedulerError('scancel failed: no');
    executor.kill();
    await executor.close();
    expect(reports.slice(1)).toEqual(['SchedulerError: scancel failed: no']);
  });
});

describe('cancelled tasks', () => {
  test('are array tasks that are cancelled if nobody waits for another of their units', async () => {
    const { executor, scheduler, outcomes } = await open({ unitsPerTask: 2 });
    await submit(executor, 1, 2, 3, 4, 5, 6, 7);
    executor.cancel!([1, 3, 4, 6, 7]);
    expect(executor.capacity()).toBe(10_000 - 2);
    expect(scheduler.calls.slice(1)).toEqual(['cancel 101_[1,3]']);
    // Its other unit is not wanted any more either.
    executor.cancel!([2]);
    expect(scheduler.calls.slice(2)).toEqual(['cancel 101_[0]']);
    end('r1-0', 0, commit(1), commit(2));
    end('r1-0', 2, commit(5), commit(6));
    await look();
    expect(outcomes).toEqual(['committed 5']);
    expect(existsSync(join(cache, 'slurm/r1-0/closed'))).toBe(true);
  });

  test('that were not submitted yet never are, and those that are being submitted are cancelled then', async () => {
    const { executor, scheduler, reports } = await open();
    executor.submit(makeTask(1));
    executor.cancel!([1]);
    await vi.advanceTimersByTimeAsync(100);
    expect(scheduler.calls).toEqual([]);
    const answer = scheduler.submit;
    Object.assign(scheduler, {
      submit: (script: string) => {
        executor.cancel!([2, 3]);
        return answer(script);
      },
    });
    await submit(executor, 2, 3);
    expect(scheduler.calls.slice(1)).toEqual(['cancel 101_[0-1]']);
    scheduler.error = new SchedulerError('scancel failed: no');
    Object.assign(scheduler, { submit: () => Promise.resolve('102') });
    await submit(executor, 4);
    executor.cancel!([4]);
    await executor.close();
    expect(reports.at(-1)).toBe('SchedulerError: scancel failed: no');
  });

  test('of an earlier run go on if this one may still want their other units', async () => {
    const scheduler = new ConductedScheduler();
    const first = await open({ scheduler, run: 'r0', unitsPerTask: 2 });
    await submit(first.executor, 1, 2);
    await first.executor.close();
    scheduler.states = [state('101', 0, 'RUNNING')];
    const { executor } = await open({ scheduler });
    executor.submit(makeTask(11, { key: makeTask(1).key }));
    scheduler.calls.length = 0;
    executor.cancel!([11]);
    expect(scheduler.calls).toEqual([]);
    executor.submit(makeTask(12, { key: makeTask(2).key }));
    executor.cancel!([12]);
    expect(scheduler.calls).toEqual(['cancel 101_[0]']);
  });
});

describe('the jobs of a driver that died', () => {
  test('are adopted: what they still compute is not submitted again', async () => {
    const scheduler = new ConductedScheduler();
    const first = await open({ scheduler, run: 'r0' });
    await submit(first.executor, 1, 2, 3);
    await first.executor.close();
    scheduler.states = [state('101', 0, 'COMPLETED'), state('101', 1, 'RUNNING'), state('101', 2, 'PENDING')];
    scheduler.calls.length = 0;

    const { executor, outcomes, reports } = await open({ scheduler });
    expect(reports).toEqual(['adopted job 101 of run r0: 2 tasks still queued or running']);
    // The same units under other ids, and one that has ended.
    for (const [id, of] of [
      [11, 1],
      [12, 2],
      [13, 3],
    ] as const)
      executor.submit(makeTask(id, { key: makeTask(of).key }));
    await vi.advanceTimersByTimeAsync(100);
    expect(scheduler.calls).toEqual(['query 101', `submit ${cache}/slurm/r1-0/script.sh`]);
    expect(
      readManifest(join(cache, 'slurm/r1-0'))
        .groups.flat()
        .map(({ id }) => id),
    ).toEqual([11]);
    write('r0-0', 1, { type: 'log', id: 2, message: 'at work' });
    end('r0-0', 2, commit(3));
    await look();
    expect(outcomes).toEqual(['log 12: at work', 'committed 13']);
  });

  test('are adopted once: a unit that one of them lost is submitted again', async () => {
    const scheduler = new ConductedScheduler();
    const first = await open({ scheduler, run: 'r0' });
    await submit(first.executor, 1);
    await first.executor.close();
    scheduler.states = [state('101', 0, 'RUNNING')];
    const { executor, outcomes, reports } = await open({ scheduler });
    await submit(executor, 1);
    scheduler.states = [state('101', 0, 'TIMEOUT')];
    await poll();
    await vi.advanceTimersByTimeAsync(5_500);
    expect(outcomes).toEqual([expect.stringMatching(/^lost 1: .*TIMEOUT/)]);
    await submit(executor, 1);
    expect(reports.at(-1)).toBe('submitted stage: job 102 with 1 tasks');
  });

  test('are closed if nothing of them is left', async () => {
    const scheduler = new ConductedScheduler();
    const first = await open({ scheduler, run: 'r0' });
    await submit(first.executor, 1);
    await first.executor.close();
    const { reports } = await open({ scheduler });
    expect(reports).toEqual([]);
    expect(existsSync(join(cache, 'slurm/r0-0/closed'))).toBe(true);
  });

  test('are not looked for in a cache without any', async () => {
    const { scheduler } = await open();
    expect(scheduler.calls).toEqual([]);
  });
});
