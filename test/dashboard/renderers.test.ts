import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { chooseRenderer } from '../../src/dashboard/create-renderer.ts';
import { formatBytes, formatDuration, rerunCommand } from '../../src/dashboard/format.ts';
import { createJsonRenderer } from '../../src/dashboard/json.ts';
import { createPlainRenderer } from '../../src/dashboard/plain.ts';
import { createQuietRenderer } from '../../src/dashboard/quiet.ts';
import type { RunEvent } from '../../src/runtime/events.ts';
import { after, scriptedRun, start } from './fixtures/scripted-run.ts';

function fakeStream(): { text: string; write: (text: string) => boolean } {
  const stream = {
    text: '',
    write: (text: string) => {
      stream.text += text;
      return true;
    },
  };
  return stream;
}

const small = { attacks: ['fgsm'], strengths: [0, 0.06], defenses: ['none'] };
const failing = 'adversarial[attack=fgsm,strength=0.06]';

describe('the plain renderer', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  test('prints one line a change and a summary with the failure first', async () => {
    const [stdout, stderr] = [fakeStream(), fakeStream()];
    const renderer = createPlainRenderer({ stdout, stderr, now: () => start });
    for (const event of scriptedRun({ ...small, failing })) renderer.onEvent(event);
    renderer.onEvent(after(2, { type: 'warning', cell: 'scores', message: 'accuracy does not fall' }));
    renderer.onEvent(after(2, { type: 'warning', cell: 'other', message: 'accuracy does not fall' }));
    await renderer.finish('a table');
    expect(stderr.text).toBe(
      `[00:00] figure-4 · run r1 · wasm · 2 workers · 6 cells, 13 shards: 5 reused, 8 to run
[00:00] reuse    photos: 1 of 1 cell
[00:00] reuse    trained: 1 of 1 cell
[00:01] start    adversarial[attack=fgsm,strength=0]
[00:01] done     adversarial[attack=fgsm,strength=0] 0.2 s
[00:01] start    adversarial[attack=fgsm,strength=0.06]
[00:01] FAILED   adversarial[attack=fgsm,strength=0.06] the worker ran out of memory at 1.5 GiB
[00:01] start    scores[attack=fgsm,strength=0,defense=none]
[00:01] done     scores[attack=fgsm,strength=0,defense=none] 0.2 s · accuracy 99.0 %
[00:01] start    scores[attack=fgsm,strength=0.06,defense=none]
[00:01] done     scores[attack=fgsm,strength=0.06,defense=none] 0.2 s · accuracy 39.0 %
[00:01] publish  results/figure-4.svg
[00:02] warning  scores accuracy does not fall
[00:02] warning  other accuracy does not fall

failed: adversarial[attack=fgsm,strength=0.06]
  the worker ran out of memory at 1.5 GiB [out-of-memory]
  fix:   set shard: 32, or resources.memory
  at:    pipelines/figure-4.yaml:24:3
  tried: 2 times
  blocks 2 cells
  log:   /tmp/runs/r1/logs/a.log
  again: ravelin run pipelines/figure-4.yaml --only 'adversarial[attack=fgsm,strength=0.06]'

warning: accuracy does not fall (scores and 1 more)
published: results/figure-4.svg
figure-4: failed · 6 cells · 6 shards ran, 5 reused · 1 failed · 1.7 s · saved 1:00
`,
    );
    expect(stdout.text).toBe('a table\n');
  });

  test('gives a sign of life when 30 s bring no change, and none after the end', async () => {
    vi.setSystemTime(start);
    const stderr = fakeStream();
    const renderer = createPlainRenderer({ stdout: fakeStream(), stderr, now: () => Date.now() });
    for (const event of scriptedRun(small).slice(0, 10)) renderer.onEvent(event);
    renderer.onEvent(
      after(1, {
        type: 'shard-progress',
        cell: 'adversarial[attack=fgsm,strength=0]',
        shard: 0,
        done: 16,
        total: 64,
        unit: 'images',
      }),
    );
    stderr.text = '';
    vi.advanceTimersByTime(31_000);
    expect(stderr.text).toBe(
      '[00:30] running  2/6 cells · adversarial[attack=fgsm,strength=0] 16/64 images for 29 s (30 s)\n',
    );
    await renderer.finish();
    stderr.text = '';
    vi.advanceTimersByTime(120_000);
    expect(stderr.text).toBe('');
  });

  test('numbers inside a cell are news', () => {
    const stderr = fakeStream();
    const renderer = createPlainRenderer({ stdout: fakeStream(), stderr, now: () => start });
    renderer.onEvent(
      after(3, { type: 'metric', cell: 'trained', name: 'testAccuracy', value: 0.981, axes: { epoch: 2 } }),
    );
    expect(stderr.text).toBe('[00:00] metric   trained epoch 2: test accuracy 98.1 %\n');
  });
});

test('the json renderer prints one event a line on stdout, the last is run-finished', async () => {
  const [stdout, stderr] = [fakeStream(), fakeStream()];
  const renderer = createJsonRenderer({ stdout, stderr });
  const events = scriptedRun(small);
  for (const event of events) renderer.onEvent(event);
  await renderer.finish('a table');
  const lines = stdout.text.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as RunEvent)).toEqual(events);
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ v: 1, type: 'run-finished', status: 'ok' });
});

test('the quiet renderer says nothing of a good run and everything of a bad one', async () => {
  for (const [script, expected] of [
    [scriptedRun(small), ''],
    [scriptedRun({ ...small, failing }), `failed: ${failing}\n`],
  ] as const) {
    const [stdout, stderr] = [fakeStream(), fakeStream()];
    const renderer = createQuietRenderer({ stdout, stderr });
    for (const event of script) renderer.onEvent(event);
    await renderer.finish();
    expect(stderr.text.slice(0, expected === '' ? undefined : expected.length)).toBe(expected);
    expect(stdout.text).toBe('');
  }
});

describe('a change of the backend', () => {
  const message = 'The backend changes from wasm to tensorflow, so 860 shards are computed again.';
  const change = after(0, {
    type: 'backend-changed',
    from: { backend: 'wasm', version: '1' },
    to: { backend: 'tensorflow', version: '2' },
    shards: 860,
    message,
  });

  test.each([
    ['plain', createPlainRenderer, `[00:00] backend  ${message}\n`],
    ['json', createJsonRenderer, `${message}\n`],
    ['quiet', createQuietRenderer, `${message}\n`],
  ])('is on stderr before anything runs in the %s renderer', async (_name, create, line) => {
    const [stdout, stderr] = [fakeStream(), fakeStream()];
    const renderer = create({ stdout, stderr, now: () => start });
    const [started, ...rest] = scriptedRun(small);
    renderer.onEvent(started!);
    renderer.onEvent(change);
    expect(stderr.text.endsWith(line)).toBe(true);
    for (const event of rest) renderer.onEvent(event);
    await renderer.finish();
    expect(stderr.text.split(message)).toHaveLength(2);
  });
});

test('auto is inline for a person at a terminal only', () => {
  const choose = (isTTY: boolean, environment: Record<string, string>, rows = 24, columns = 80) =>
    chooseRenderer({ stderr: { isTTY, rows, columns }, environment, isInBackground: false });
  expect(choose(true, { TERM: 'xterm' })).toBe('inline');
  expect(choose(false, { TERM: 'xterm' })).toBe('plain');
  expect(choose(true, { TERM: 'dumb' })).toBe('plain');
  expect(choose(true, { TERM: 'xterm', CI: 'true' })).toBe('plain');
  expect(choose(true, { TERM: 'xterm', CI: '' })).toBe('plain');
  expect(choose(true, { TERM: 'xterm', CONTINUOUS_INTEGRATION: '1' })).toBe('plain');
  expect(choose(true, { TERM: 'xterm', CI: 'false' })).toBe('inline');
  expect(choose(true, { TERM: 'xterm' }, 0, 0)).toBe('plain');
  expect(choose(true, { TERM: 'xterm' }, 1)).toBe('plain');
  expect(choose(true, { TERM: 'xterm' }, 2)).toBe('inline');
  const stderr = { isTTY: true, rows: 24, columns: 80 };
  expect(chooseRenderer({ stderr, environment: {}, isInBackground: true })).toBe('plain');
});

test('durations, sizes and commands read as people write them', () => {
  expect([0.04, 9.94, 9.96, 59.7, 187, 7389].map(formatDuration)).toEqual([
    '0.0 s',
    '9.9 s',
    '10 s',
    '1:00',
    '3:07',
    '2:03:09',
  ]);
  expect([640, 12_288, 812 * 2 ** 20, 1.5 * 2 ** 30].map(formatBytes)).toEqual([
    '640 B',
    '12 KiB',
    '812 MiB',
    '1.5 GiB',
  ]);
  expect(rerunCommand({ file: "it's.yaml", choices: null, options: [] }, 'photos')).toBe(
    "ravelin run 'it'\\''s.yaml' --only photos",
  );
  const choices = { set: ['params.make=a b'], profile: ['smoke'], seed: 3 };
  const options = ['--cache', 'my cache', '--backend', 'wasm'];
  expect(rerunCommand({ file: 'p.yaml', choices, options }, 'photos')).toBe(
    "ravelin run p.yaml --only photos -S 'params.make=a b' -p smoke --seed 3 --cache 'my cache' --backend wasm",
  );
});
