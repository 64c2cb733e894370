import { Type } from '@sinclair/typebox';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { Task, TaskOutcome } from '../../../../src/runtime/executor.ts';
import { runTask } from '../../../../src/runtime/executors/task/run-task.ts';
import type { NumericIdentity } from '../../../../src/runtime/plan/last-backends.ts';
import { sha256 } from '../../../../src/runtime/digest.ts';
import {
  defineStage,
  PausedError,
  port,
  type StageContext,
  StageError,
  streamedPort,
} from '../../../../src/runtime/stage.ts';
import { openStore } from '../../../../src/runtime/store/store.ts';
import { phases } from '../../../../src/timing/phases.ts';
import { noteFed, noteFetched } from '../../../../src/timing/transfers.ts';
import { encodeValue } from '../../../../src/values/codec.ts';
import type { Images } from '../../../../src/values/images.ts';
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

function run(
  preimage: string,
  batchLimit: number | null = null,
  files: Task['files'] = [],
): Promise<TaskOutcome> {
  return runTask(makeTask(seen.length, { uses: 'lab/score', shard: null, preimage, batchLimit, files }), {
    registry: new Map([[stage.uses, stage]]),
    setup: { ...setup, root: folder, folder, cacheFolder: folder },
    store: openStore(folder),
    cache: new RecentCache<Value>({ limit: 1 }),
    signal: new AbortController().signal,
    pause: new AbortController().signal,
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

it('says where the seconds of a unit went, which add up', async () => {
  const preimage = '{"libraries":{"source":"abc"},"for":"times"}';
  const outcome = (await run(preimage)) as Extract<TaskOutcome, { type: 'committed' }>;
  const { wall, cpu, ...seconds } = outcome.time!;
  expect(Object.keys(seconds)).toEqual([...phases]);
  expect(Object.values(seconds).reduce((sum, value) => sum + value, 0)).toBeCloseTo(wall, 5);
  expect(Math.min(wall, cpu, seconds.write)).toBeGreaterThan(0);
});

it('counts the bytes that crossed to a device while a unit was computed, and says nothing where there were none', async () => {
  const crossing = {
    ...stage,
    uses: 'lab/crossing',
    run: (context: StageContext<never, never>) => {
      noteFed(1000);
      noteFetched(24);
      return stage.run(context);
    },
  };
  noteFed(7);
  const timeOf = async (uses: string) => {
    const preimage = '{"libraries":{"source":"abc"}}';
    const task = makeTask(seen.length + 2000, { uses, shard: null, preimage });
    const outcome = await runTask(task, {
      registry: new Map([stage, crossing].map((one) => [one.uses, one])),
      setup: { ...setup, root: folder, folder, cacheFolder: folder },
      store: openStore(folder),
      cache: new RecentCache<Value>({ limit: 1 }),
      signal: new AbortController().signal,
      pause: new AbortController().signal,
      send: () => undefined,
    });
    return (outcome as Extract<TaskOutcome, { type: 'committed' }>).time;
  };
  expect(await timeOf('lab/crossing')).toMatchObject({ fed: 1000, fetched: 24 });
  expect(Object.keys((await timeOf('lab/score'))!)).not.toContain('fed');
});

describe('a stage that computes on a backend', () => {
  const planned: NumericIdentity[] = [];
  const compute = (preimage: string, device: boolean) =>
    runTask(makeTask(seen.length + 1000, { uses: 'lab/device', shard: null, preimage }), {
      registry: new Map([['lab/device', { ...stage, uses: 'lab/device', device }]]),
      setup: { ...setup, root: folder, folder, cacheFolder: folder },
      store: openStore(folder),
      cache: new RecentCache<Value>({ limit: 1 }),
      signal: new AbortController().signal,
      pause: new AbortController().signal,
      send: () => undefined,
      checkNumerics: (numerics) => {
        planned.push(numerics);
        if (numerics.version !== '1') throw new StageError('another machine', { fix: 'plan again' });
      },
    });
  const preimage = (numerics: string) =>
    `{"format":1,"inputs":{},"libraries":{"source":"abc"},${numerics}"uses":"lab/device"}`;

  it('is computed only by a worker with the backend of its key', async () => {
    const numerics = (version: string) => `"numerics":{"backend":"wasm","version":"${version}"},`;
    const before = seen.length;
    expect(await compute(preimage(numerics('2')), true)).toMatchObject({
      type: 'failed',
      failure: { code: 'stage', message: 'another machine', fix: 'plan again' },
    });
    expect(seen).toHaveLength(before);
    expect(await compute(preimage(numerics('1')), true)).toMatchObject({ type: 'committed' });
    expect(planned.map(({ version }) => version)).toEqual(['2', '1']);
  });

  it('is computed by any if its key has no backend, or the stage computes without one', async () => {
    planned.length = 0;
    expect(await compute(preimage(''), true)).toMatchObject({ type: 'committed' });
    const numerics = '"numerics":{"backend":"wasm","version":"2"},';
    expect(await compute(preimage(numerics), false)).toMatchObject({ type: 'committed' });
    expect(planned).toEqual([]);
  });
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

it('commits nothing made of a file that was changed since the plan, because it would stand under the key of another', async () => {
  const path = join(folder, 'weights.pt');
  const files = [{ path, digest: sha256('first') }];
  const recipe = (name: string): string => `{"libraries":{"source":"abc"},"for":"${name}"}`;
  writeFileSync(path, 'first');
  expect(await run(recipe('same'), null, files)).toMatchObject({ type: 'committed' });
  writeFileSync(path, 'other');
  const failed = {
    type: 'failed',
    failure: { code: 'bad-data', message: `${path} was changed while the run was under way`, file: path },
  };
  expect(await run(recipe('changed'), null, files)).toMatchObject(failed);
  rmSync(path);
  expect(await run(recipe('gone'), null, files)).toMatchObject(failed);
  writeFileSync(path, 'first');
  expect(await run(recipe('changed'), null, files)).toMatchObject({ type: 'committed', reused: false });
});

it('finds damage in a stream out, even if the stage catches the error', async () => {
  const store = openStore(folder);
  const metrics = (value: number): Uint8Array =>
    encodeValue({ kind: 'metrics', rows: [{ axes: {}, values: { value } }], warnings: [] });
  const [first, missing] = [store.writeObject(metrics(1)), sha256(metrics(2))];
  for (const catches of [true, false]) {
    const streaming = defineStage({
      uses: 'lab/stream',
      version: 1,
      summary: 'Reads a stream',
      with: Type.Object({}),
      in: { numbers: streamedPort('metrics') },
      out: { metrics: port('metrics') },
      run: ({ inputs }) => {
        let rows = 0;
        try {
          for (const { rows: some } of inputs.numbers) rows += some.length;
        } catch (error) {
          if (!catches) throw new Error('wrapped', { cause: error });
        }
        return Promise.resolve({
          metrics: { kind: 'metrics', rows: [{ axes: {}, values: { rows } }], warnings: [] },
        });
      },
    });
    const one = { digests: [first, missing], skip: 0, kind: 'metrics' as const };
    const inputs = [{ port: 'numbers', one }];
    const task = makeTask(catches ? 900 : 901, { uses: 'lab/stream', shard: null, inputs, preimage: '{}' });
    const outcome = await runTask(task, {
      registry: new Map([[streaming.uses, streaming]]),
      setup: { ...setup, root: folder, folder, cacheFolder: folder },
      store,
      cache: new RecentCache<Value>({ limit: 1e6 }),
      signal: new AbortController().signal,
      pause: new AbortController().signal,
      send: () => undefined,
    });
    expect(outcome).toMatchObject({ type: 'damaged', digests: [missing] });
    expect(store.peekRecord(task.key)).toBeNull();
  }
});

describe('a stage with a checkpoint', () => {
  const pausing = defineStage({
    uses: 'lab/pausing',
    version: 1,
    summary: 'Pauses when it is asked to, and always says so',
    with: Type.Object({}),
    in: {},
    out: { metrics: port('metrics') },
    run: async ({ checkpoint }) => {
      await checkpoint.write(Uint8Array.of(checkpoint.everySteps ?? 0));
      throw new PausedError();
    },
  });
  const task = makeTask(950, { uses: 'lab/pausing', shard: null, preimage: '{}' });
  const store = openStore(folder);
  const pauses = (pause: AbortSignal): Promise<TaskOutcome> =>
    runTask(task, {
      registry: new Map([[pausing.uses, pausing]]),
      setup: { ...setup, root: folder, folder, cacheFolder: folder },
      store,
      cache: new RecentCache<Value>({ limit: 1 }),
      signal: new AbortController().signal,
      pause,
      send: () => undefined,
    });
  afterEach(() => vi.unstubAllEnvs());

  it('is given back if it was asked to pause, and keeps its state', async () => {
    vi.stubEnv('RAVELIN_CHECKPOINT_STEPS', '12');
    expect(await pauses(AbortSignal.abort())).toEqual({ type: 'returned', id: 950 });
    expect(store.readCheckpoint(task.key)).toEqual(Uint8Array.of(12));
  });

  it('fails if nobody has asked it', async () => {
    expect(await pauses(new AbortController().signal)).toMatchObject({ type: 'failed' });
  });

  it.each(['0', '1.5', 'often'])('is not given %s steps between two states', async (steps) => {
    vi.stubEnv('RAVELIN_CHECKPOINT_STEPS', steps);
    expect(await pauses(AbortSignal.abort())).toMatchObject({
      type: 'failed',
      failure: { message: `RAVELIN_CHECKPOINT_STEPS is '${steps}', not a whole number from 1 on` },
    });
  });
});

describe('code of a plugin', () => {
  const store = openStore(folder);
  const cache = new RecentCache<Value>({ limit: 1e6 });
  const numbers: Images = {
    kind: 'images',
    pixels: Float32Array.of(0.25, 0.5),
    shape: [2, 1, 1, 1],
    views: 1,
    labels: Int32Array.of(0, 1),
    ids: Int32Array.of(0, 1),
    classes: [],
  };
  let key = 100;

  /** Runs a stage of images to images on `numbers` as they are in the store. */
  function runOn(run: (images: Images) => unknown, source: string | null = 'abc'): Promise<TaskOutcome> {
    const changing = {
      ...defineStage({
        uses: 'lab/change',
        version: 1,
        summary: 'Changes images',
        with: Type.Object({}),
        in: { images: port('images') },
        out: { images: port('images') },
        shard: 'images',
        run: ({ inputs }) => Promise.resolve(run(inputs.images) as never),
      }),
      ...(source !== null && { source }),
    };
    const digest = store.writeObject(encodeValue(numbers));
    const one = { digests: [digest], skip: 0, kind: 'images' as const };
    const inputs = [{ port: 'images', one }];
    const shard = { first: 0, count: 2 };
    const preimage = `{"libraries":{"source":"${source ?? ''}"}}`;
    return runTask(makeTask(key++, { uses: 'lab/change', inputs, shard, images: 2, preimage }), {
      registry: new Map([[changing.uses, changing]]),
      setup: { ...setup, root: folder, folder, cacheFolder: folder },
      store,
      cache,
      signal: new AbortController().signal,
      pause: new AbortController().signal,
      send: () => undefined,
    });
  }
  const pixelsSeen = async (): Promise<unknown> => {
    let seenPixels: unknown;
    await runOn((images) => {
      seenPixels = images.pixels.slice();
      return { images };
    });
    return seenPixels;
  };

  it('that writes into its input fails, and the worker forgets the damaged values', async () => {
    const kept = await pixelsSeen();
    for (const ending of [
      (images: Images) => ({ images }),
      () => {
        throw new Error('boom');
      },
    ]) {
      const outcome = await runOn((images) => {
        images.pixels[0] = 1;
        return ending(images);
      });
      expect(outcome).toMatchObject({
        type: 'failed',
        failure: {
          code: 'stage',
          message: "lab/change wrote into pixels of its input 'images', which other cells read too",
          fix: 'write into a copy, for example that of pixels.slice()',
        },
      });
      expect(await pixelsSeen()).toEqual(kept);
    }
  });

  it('commits nothing but values that are what they promise', async () => {
    const pixels = Float64Array.of(0, 1);
    expect(await runOn((images) => ({ images: { ...images, pixels } }))).toMatchObject({
      type: 'failed',
      failure: {
        message:
          "the pixels of output 'images' of lab/change are a Float64Array, not a Float32Array or a Uint8Array",
      },
    });
    expect(
      await runOn((images) => ({ images: { ...images, pixels: Float32Array.of(0, 1.5) } }), null),
    ).toMatchObject({
      failure: {
        message:
          "the pixels of output 'images' of lab/change are not all in [0, 1]: they hold 1.5 in image 1 (id 1)",
      },
    });
  });

  it('is named if it throws', async () => {
    const file = join(folder, 'plugins', 'boom.mjs');
    const boom = (): never => {
      const error = new TypeError('boom');
      // The test runner imports modules in its own way, so the stack is written as Node writes it.
      const packaged = pathToFileURL(join(folder, 'node_modules', 'other', 'index.js')).href;
      error.stack = `TypeError: boom\n at ${packaged}:1:1\n at apply (${pathToFileURL(file).href}:2:30)`;
      throw error;
    };
    const named = {
      code: 'stage',
      file: `${file}:2`,
      fix: 'correct the plugin: the log has the whole stack',
    };
    expect(await runOn(boom)).toMatchObject({
      failure: { ...named, message: 'lab/change threw TypeError: boom' },
    });
    expect(await runOn(boom, null)).toMatchObject({
      failure: { ...named, message: 'a plugin threw TypeError: boom' },
    });
    expect(
      await runOn(() => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error
        throw 'boom';
      }),
    ).toMatchObject({
      failure: { message: 'lab/change threw boom, which is not an Error and has no place' },
    });
    expect(
      await runOn(() => {
        throw new StageError('no', { fix: 'yes' });
      }),
    ).toMatchObject({ failure: { message: 'no', fix: 'yes' } });
  });
});
