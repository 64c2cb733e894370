import { Type } from '@sinclair/typebox';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { TaskOutcome } from '../../../../src/runtime/executor.ts';
import { runTask } from '../../../../src/runtime/executors/task/run-task.ts';
import { defineStage, port, type StageContext } from '../../../../src/runtime/stage.ts';
import { openStore } from '../../../../src/runtime/store/store.ts';
import { RecentCache } from '../../../../src/values/recent-cache.ts';
import type { Value } from '../../../../src/values/value.ts';
import { makeTask, setup } from '../../fixtures/tasks.ts';

const folder = mkdtempSync(join(tmpdir(), 'ravelin-run-task-'));
afterAll(() => rmSync(folder, { recursive: true }));

const seen: StageContext<unknown, unknown>[] = [];
const stage = {
  ...defineStage({
    uses: 'lab/score',
    version: 1,
    summary: 'A score',
    with: Type.Object({}),
    in: {},
    out: { metrics: port('metrics') },
    run: (context) => {
      seen.push(context);
      context.batchSizes.rows(10, { rows: 64, values: 100 });
      return Promise.resolve({ metrics: { kind: 'metrics', rows: [], warnings: [] } });
    },
  }),
  source: 'abc',
};

function run(preimage: string, batchLimit: number | null = null): Promise<TaskOutcome> {
  return runTask(makeTask(seen.length, { uses: 'lab/score', shard: null, preimage, batchLimit }), {
    registry: new Map([[stage.uses, stage]]),
    setup: { ...setup, root: folder, folder, cacheFolder: folder },
    store: openStore(folder),
    cache: new RecentCache<Value>({ limit: 1 }),
    signal: new AbortController().signal,
    send: () => undefined,
  });
}

it('gives a stage the versions that are in its key, the stages of the run, and the batch sizes of the task', async () => {
  expect(await run('{"libraries":{"source":"abc"}}', 3)).toMatchObject({ type: 'committed' });
  const context = seen.at(-1)!;
  expect(context.libraries).toEqual({ source: 'abc' });
  expect(context.stages.get('lab/score')).toBe(stage);
  expect(context.batchSizes.rows(1, { rows: 64, values: 100 })).toBe(3);
});

it('refuses a plugin that was changed since the plan, because its results would stand under the old key', async () => {
  const before = seen.length;
  expect(await run('{"libraries":{"source":"abd"}}')).toMatchObject({
    type: 'failed',
    failure: {
      code: 'stage',
      message: 'the plugin that brings lab/score was changed while the run was under way',
    },
  });
  expect(seen.length).toBe(before);
});
