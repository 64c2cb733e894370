import { stripVTControlCharacters } from 'node:util';
import { render } from 'ink-testing-library';
import { afterEach, describe, expect, test } from 'vitest';
import { createEstimator } from '../../src/dashboard/estimate.ts';
import { FullApp } from '../../src/dashboard/full/full-app.tsx';
import { createFullScreen, type FullScreen } from '../../src/dashboard/full/full-screen.ts';
import type { FullEffect } from '../../src/dashboard/full/full-view.ts';
import { createRecording, type Recording } from '../../src/dashboard/full/recording.ts';
import { chooseTheme, textColumns } from '../../src/dashboard/inline/theme.ts';
import type { Key } from '../../src/dashboard/inline/view.ts';
import type { RunEvent } from '../../src/runtime/events.ts';
import { recordedLedger } from './fixtures/recorded-ledgers.ts';
import { scriptedRun } from './fixtures/scripted-run.ts';

let unmount: (() => void) | undefined;
afterEach(() => unmount?.());

interface Opened {
  readonly screen: FullScreen;
  readonly recording: Recording;
  readonly effects: FullEffect[];
  /** The frame without escape sequences, as Ink draws it. */
  readonly lines: () => readonly string[];
  readonly press: (...keys: string[]) => void;
}

const named: Readonly<Record<string, Key>> = {
  enter: { name: 'enter' },
  escape: { name: 'escape' },
  tab: { name: 'tab' },
  up: { name: 'up' },
  down: { name: 'down' },
  left: { name: 'left' },
  right: { name: 'right' },
};

function open(
  events: readonly RunEvent[],
  size: { columns: number; rows: number },
  environment: Record<string, string> = { LANG: 'C.UTF-8', NO_COLOR: '1' },
): Opened {
  const recording = createRecording(() => 0);
  for (const event of events) recording.add(event);
  const effects: FullEffect[] = [];
  const estimator = createEstimator();
  const screen = createFullScreen(
    () => ({
      state: recording.state(),
      now: recording.now(),
      size,
      remaining: estimator.remaining(recording.state(), recording.now()),
      notice: '',
      place: recording.place(),
      abilities: { isRecorded: true },
    }),
    (effect) => {
      effects.push(effect);
      if (effect.type === 'time') recording.move(effect.move);
    },
  );
  screen.tick();
  const theme = chooseTheme(environment);
  const draw = (): readonly string[] => {
    const app = render(<FullApp screen={screen} theme={theme} interactive={false} />);
    // The terminal of the testing library has 100 columns; wider frames would be wrapped.
    Object.defineProperty(app.stdout, 'columns', { get: () => size.columns });
    app.rerender(<FullApp screen={screen} theme={theme} interactive={false} />);
    unmount = app.unmount;
    const frame = app.lastFrame()!;
    app.unmount();
    return frame.split('\n').map((line) => stripVTControlCharacters(line).trimEnd());
  };
  return {
    screen,
    recording,
    effects,
    lines: draw,
    press: (...keys) => {
      for (const key of keys) screen.press(named[key] ?? { name: 'text', text: key });
    },
  };
}

const run = recordedLedger('quickstart');
const half = (events: readonly RunEvent[]): readonly RunEvent[] =>
  events.slice(0, Math.floor(events.length * 0.6));

describe('a frame of the whole screen', () => {
  const sizes = [40, 80, 120, 200].flatMap((columns) =>
    [10, 24, 40, 60].map((rows) => [columns, rows] as const),
  );

  test.each(sizes)('fills %i columns and %i rows, and no more', (columns, rows) => {
    for (const events of [[], half(run), run]) {
      const lines = open(events, { columns, rows }).lines();
      expect(lines.length).toBeLessThanOrEqual(rows - 1);
      for (const line of lines) expect(textColumns(line)).toBeLessThanOrEqual(columns);
    }
  });

  test.each([
    [1, 1],
    [2, 2],
    [5, 3],
    [30, 4],
  ])('is something sensible on %i columns and %i rows', (columns, rows) => {
    const lines = open(half(run), { columns, rows }).lines();
    expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
    if (columns >= 10) expect(lines[0]).toContain('quickstart');
  });

  test.each([
    [40, 12],
    [80, 24],
    [120, 30],
    [200, 50],
  ])('looks as it did at %i × %i, in the middle of a run', async (columns, rows) => {
    const text = open(half(run), { columns, rows }).lines().join('\n');
    await expect(`${text}\n`).toMatchFileSnapshot(`golden/half-${columns}x${rows}.txt`);
  });

  test('is ASCII where the locale has no more', () => {
    const lines = open(half(run), { columns: 120, rows: 30 }, { TERM: 'linux' }).lines();
    for (const line of lines) expect(line).toMatch(/^[\x20-\x7E]*$/);
  });
});

describe('the keys', () => {
  const size = { columns: 120, rows: 40 };

  test('the grid has the accuracy of each cell by any two axes, and the others by keys', () => {
    const { lines, press } = open(run, size);
    press('2');
    const grid = (): string => lines().join('\n');
    expect(grid()).toMatch(/attack=fgsm {2}1\/2/);
    expect(grid()).toMatch(/strength \/ defense +none +bits +jpeg/);
    press(']');
    expect(grid()).toMatch(/attack=i-fgsm {2}2\/2/);
    press('v');
    expect(grid()).toMatch(/attack \/ strength|defense \/ strength|attack \/ defense|strength \/ attack/);
  });

  test('moving in the grid shows each cell', () => {
    const { lines, press } = open(run, size);
    press('2', 'down', 'right');
    expect(lines().join('\n')).toContain('scores[attack=fgsm,strength=0.1,defense=bits]');
  });

  test('/ finds cells while it is typed, n goes on, and escape ends it', () => {
    const { lines, press } = open(run, size);
    press('2', '/', ...Array.from('strength=0.3'), 'enter');
    expect(lines().join('\n')).toContain('scores[attack=fgsm,strength=0.3,defense=none]');
    press('n');
    expect(lines().join('\n')).toContain('scores[attack=fgsm,strength=0.3,defense=bits]');
    press('escape');
    expect(lines().at(-1)).toContain('? keys');
  });

  test('f goes to the failure with its remedy, and r copies the command that runs it again', () => {
    const failing = 'adversarial[attack=fgsm,strength=0.02]';
    const { lines, press, effects } = open(scriptedRun({ failing }), size);
    press('f');
    expect(lines().join('\n')).toContain('fix:   set shard: 32');
    press('r');
    expect(effects).toEqual([
      {
        type: 'copy',
        text: `ravelin run pipelines/figure-4.yaml --only '${failing}'`,
        what: 'the command that runs it again',
      },
    ]);
  });

  test('y copies, e opens the log, o a figure, and q leaves', () => {
    const { press, effects } = open(run, size);
    press('y', 'e', 'o', 'q');
    expect(effects.map(({ type }) => type)).toEqual(['copy', 'pager', 'open', 'quit']);
  });

  test('numbers and tab go to panes, z fills the screen with one, and ? has the keys', () => {
    const { lines, press } = open(run, size);
    press('4', 'z');
    expect(lines()[2]).toContain('4 workers');
    expect(lines().join('\n')).not.toContain('1 stages');
    press('z', 'tab', '?');
    expect(lines().join('\n')).toContain('in this pane (history)');
  });

  test('a training shows the curve of each of its numbers', () => {
    const { lines, press } = open(recordedLedger('training'), size);
    press('1', 'down', 'down', 'down');
    expect(lines().join('\n')).toMatch(/classifier {2}4 epochs/);
    expect(lines().join('\n')).toMatch(/loss +[▁▂▃▄▅▆▇█]{4}/);
  });
});

describe('a recorded run', () => {
  test('is shown as it was at any time, back and forth', () => {
    const { lines, press, recording } = open(run, { columns: 120, rows: 40 });
    const end = lines();
    press('0');
    expect(recording.state().counts.finished).toBe(0);
    press(...Array.from({ length: 25 }, () => '>'));
    const middle = recording.state().counts;
    expect(recording.place()).toMatch(/^23 s of 46 s$/);
    press('>', '<');
    expect(recording.state().counts).toEqual(middle);
    press('$');
    expect(lines()).toEqual(end);
  });

  test('plays faster and slower, and stops at its end', () => {
    let clock = 0;
    const recording = createRecording(() => clock);
    for (const event of run) recording.add(event);
    recording.move('start');
    recording.move('faster');
    recording.move('play');
    recording.tick((clock = 5_000));
    expect(recording.now() - run[0]!.at).toBe(10_000);
    recording.tick((clock = 1_000_000));
    expect(recording.place()).toBe('');
    expect(recording.state().finished?.status).toBe('ok');
  });
});
