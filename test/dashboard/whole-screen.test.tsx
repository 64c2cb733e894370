import { stripVTControlCharacters } from 'node:util';
import { render } from 'ink-testing-library';
import { afterEach, describe, expect, test } from 'vitest';
import { createEstimator } from '../../src/dashboard/estimate.ts';
import { createCanvas } from '../../src/dashboard/full/canvas.ts';
import { FullApp } from '../../src/dashboard/full/full-app.tsx';
import { createFullScreen, type FullScreen } from '../../src/dashboard/full/full-screen.ts';
import type { Abilities, FullEffect } from '../../src/dashboard/full/full-view.ts';
import { createRecording, type Recording } from '../../src/dashboard/full/recording.ts';
import { pictureLines } from '../../src/dashboard/full/picture-lines.ts';
import { chooseTheme, renderLine, textColumns } from '../../src/dashboard/parts/theme.ts';
import type { Key } from '../../src/dashboard/parts/keys.ts';
import type { CellPictures, FindPictures } from '../../src/dashboard/pictures.ts';
import type { DeviceLoad } from '../../src/dashboard/renderer.ts';
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
  abilities: Abilities = { isRecorded: true, canControl: false },
  pictures: FindPictures | null = null,
  devices: readonly DeviceLoad[] = [],
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
      abilities,
      devices,
      pictures,
      graphics: null,
    }),
    (effect) => {
      effects.push(effect);
      if (effect.type === 'time') recording.move(effect.move);
    },
  );
  screen.tick();
  const theme = chooseTheme(environment);
  const draw = (): readonly string[] => {
    const canvas = createCanvas(() => undefined);
    const app = render(<FullApp screen={screen} canvas={canvas} theme={theme} interactive={false} />);
    unmount = app.unmount;
    const rows = canvas.rows().map((line) => stripVTControlCharacters(line).trimEnd());
    app.unmount();
    // The last row of the terminal stays empty.
    return rows.slice(0, rows.findLastIndex((row) => row !== '') + 1);
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
        what: expect.stringMatching(/^the command that runs it again: ravelin run .* --only /) as string,
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

describe('the keys that change a run', () => {
  const size = { columns: 120, rows: 40 };
  const environment = { LANG: 'C.UTF-8', NO_COLOR: '1' };
  const own = { isRecorded: false, canControl: true };
  const goesOn = half(run);

  test('p pauses it and lets it go on, and the screen says so', () => {
    const running = open(goesOn, size, environment, own);
    running.press('p');
    expect(running.effects).toEqual([{ type: 'pause', paused: true }]);
    const pausedAt = goesOn.at(-1)!.at;
    const paused = open(
      [...goesOn, { v: 1, at: pausedAt, type: 'run-paused', paused: true }],
      size,
      environment,
      own,
    );
    expect(paused.lines()[0]).toContain('· paused');
    paused.press('p');
    expect(paused.effects).toEqual([{ type: 'pause', paused: false }]);
  });

  test('x cancels the selected cell, but only after y', () => {
    const { press, lines, effects } = open(goesOn, size, environment, own);
    const cell = 'scores[attack=i-fgsm,strength=0.4,defense=jpeg]';
    press(':', ...Array.from(`goto ${cell}`), 'enter', 'x');
    expect(lines().at(-1)).toContain(`cancel ${cell} and what waits for it?`);
    press('n');
    expect(lines().at(-1)).toContain('nothing was cancelled');
    press('x', 'y');
    expect(effects).toEqual([{ type: 'cancel', cell }]);
  });

  test('r tries a failed cell again, or the failed cells of the stage', () => {
    const failed = 'adversarial[attack=fgsm,strength=0.02]';
    const events = scriptedRun({ failing: failed }).filter(({ type }) => type !== 'run-finished');
    const { press, lines, effects } = open(events, size, environment, own);
    press('f', 'r', ':', ...Array.from('retry'), 'enter');
    expect(effects).toEqual(Array(2).fill({ type: 'retry', cells: [failed], what: failed }));
    expect(lines().at(-1)).toContain('r retry');
    press('1', ':', ...Array.from('goto adversarial'), 'enter', '1', 'r');
    expect(effects.at(-1)).toEqual({ type: 'retry', cells: [failed], what: '1 failed cell of adversarial' });
    press(':', ...Array.from('goto trained'), 'enter', 'r');
    expect(lines().at(-1)).toContain('trained has not failed');
    press('1', 'r');
    expect(lines().at(-1)).toContain('no cell of trained has failed');
    press(':', ...Array.from('goto strength=0,defense=none'), 'enter', 'r');
    expect(lines().at(-1)).toMatch(/ has not failed$/);
    const again: RunEvent = { v: 1, at: events.at(-1)!.at, type: 'cell-retried', cell: failed, freed: 0 };
    const retried = open([...events, again], size, environment, own);
    retried.press('f');
    expect(retried.lines().at(-1)).toContain('nothing has failed');
  });

  test('a cell that has ended is not cancelled, and a run of another process is neither paused nor cancelled', () => {
    const ended = open(goesOn, size, environment, own);
    ended.press(':', ...Array.from('goto network'), 'enter', 'x');
    expect(ended.lines().at(-1)).toContain('network has ended already');
    const recorded = open(run, size);
    for (const key of ['p', 'x']) {
      recorded.press(key);
      expect(recorded.lines().at(-1)).toContain('only the process that computes the run can do that');
    }
    expect([...ended.effects, ...recorded.effects]).toEqual([]);
  });
});

test('the workers pane has the memory of each device', () => {
  const device = { name: '0 NVIDIA H200', usedBytes: 2 ** 30, totalBytes: 140 * 2 ** 30, busy: 0.37 };
  const own = { isRecorded: false, canControl: true };
  const { lines } = open(half(run), { columns: 120, rows: 40 }, {}, own, null, [device]);
  expect(lines().join('\n')).toMatch(
    /4 workers -+[^\n]*\ndevice 0 NVIDIA H200: 1\.0 GiB of 140(\.0)? GiB, 37 % busy/,
  );
});

describe('the images of a cell', () => {
  const picture = (...values: number[]) => ({
    width: 2,
    height: 2,
    channels: 1,
    pixels: Uint8Array.from(values),
  });
  const pictures = (): CellPictures => ({
    count: 2,
    at: (index) => ({
      title: `image ${index}, seven`,
      before: index === 0 ? picture(0, 0, 255, 255) : null,
      after: picture(0, 5, 255, 255),
    }),
  });
  const size = { columns: 120, rows: 40 };
  const own = { isRecorded: true, canControl: false };

  test('are shown before and after, with ten times the change, one at a time', () => {
    const { press, lines } = open(run, size, { LANG: 'C.UTF-8', NO_COLOR: '1' }, own, pictures);
    press('2', 's');
    const shown = (): string => lines().join('\n');
    expect(shown()).toContain('image 0, seven  1/2');
    expect(shown()).toMatch(/before +after +change x10/);
    press('down');
    expect(shown()).toContain('image 1, seven  2/2');
    expect(shown()).not.toContain('before ');
  });

  test('are half blocks in two colours of 24 bits, or of 256, and signs of a brightness without colours', () => {
    const pair = pictures().at(0);
    const drawn = (environment: Record<string, string>): string =>
      pictureLines(pair, { theme: chooseTheme(environment), width: 16, height: 4 })
        .slice(2)
        .map((line) => renderLine(line, 16, chooseTheme(environment)))
        .join('\n');
    const colours = { LANG: 'C.UTF-8', TERM: 'xterm-256color' };
    expect(drawn({ ...colours, COLORTERM: 'truecolor' })).toContain(
      '\u001B[38;2;5;5;5m\u001B[48;2;5;5;5m▀\u001B[0m',
    );
    expect(drawn(colours)).toContain('\u001B[38;5;232m\u001B[48;5;232m▀\u001B[0m');
    expect(drawn({ ...colours, NO_COLOR: '1' })).toMatch(/^[ .:\-=+*#%@\n]+$/);
  });

  test('are there once the cell has finished, if it makes any', () => {
    const waiting = open(half(run), size, {}, own, pictures);
    waiting.press(':', ...Array.from('goto scores[attack=i-fgsm,strength=0.4,defense=jpeg]'), 'enter', 's');
    expect(waiting.lines().join('\n')).toContain('its images can be seen once it has finished');
    const none = open(run, size, {}, own, () => 'this cell makes no images');
    none.press('s');
    expect(none.lines().join('\n')).toContain('this cell makes no images');
  });
});

describe('the commands', () => {
  const size = { columns: 120, rows: 60 };
  const type = (text: string): string[] => [':', ...Array.from(text), 'enter'];

  test('go to stages and cells by a part of their names', () => {
    const { press, lines } = open(run, size);
    press(...type('goto defended'));
    expect(lines().join('\n')).toContain('2 defended');
    press(...type('g scores[attack=i-fgsm,strength=0.3'));
    expect(lines().join('\n')).toContain('scores[attack=i-fgsm,strength=0.3,defense=none]');
    press(...type('goto nowhere'));
    expect(lines().at(-1)).toContain("no stage and no cell has 'nowhere'");
  });

  test('filter stages, and bring them all back', () => {
    const { press, lines } = open(run, size);
    press(...type('filter adv'));
    expect(lines().join('\n')).toContain("stages with 'adv'");
    press(...type('filter'));
    expect(lines().join('\n')).toContain('1 stages ─');
  });

  test('are shown while they are typed, may be cut, and are listed if they are unknown', () => {
    const { press, lines, effects } = open(run, size);
    press(':', 'q', 'u');
    expect(lines().at(-1)).toMatch(/^:qu_/);
    press('escape');
    expect(lines().at(-1)).toContain('? keys');
    press(...type('re'));
    expect(lines().at(-1)).toContain("'re' may be retry, resume");
    press(...type('dance'));
    expect(lines().at(-1)).toContain("unknown command 'dance'; known: goto, filter");
    press(...type('help'));
    expect(lines().join('\n')).toContain(':goto');
    press('q', ...type('q'));
    expect(effects).toEqual([{ type: 'quit' }]);
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
