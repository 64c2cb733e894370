import { stripVTControlCharacters } from 'node:util';
import { render } from 'ink-testing-library';
import { act } from 'react';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { App, type Screen } from '../../src/dashboard/inline/app.tsx';
import { createScreen } from '../../src/dashboard/inline/screen.ts';
import { chooseTheme, renderLine, span, textColumns } from '../../src/dashboard/parts/theme.ts';
import type { Effect } from '../../src/dashboard/inline/view.ts';
import type { RunEvent } from '../../src/runtime/events.ts';
import { after, scriptedRun, start } from './fixtures/scripted-run.ts';

const noColour = { LANG: 'C.UTF-8', NO_COLOR: '1' };
const failing = 'adversarial[attack=fgsm,strength=0.02]';
let unmount: (() => void) | undefined;
afterEach(() => unmount?.());

interface Shown {
  readonly lines: () => string[];
  readonly type: (...keys: string[]) => Promise<void>;
  /** Resolves when the terminal shows what the screen says. */
  readonly drawn: () => Promise<void>;
  readonly effects: Effect[];
  readonly screen: ReturnType<typeof createScreen>;
}

function show(
  events: readonly RunEvent[],
  options: { columns?: number; rows?: number; seconds?: number; environment?: Record<string, string> } = {},
): Shown {
  const { columns = 80, rows = 16, seconds = 2.4, environment = noColour } = options;
  const effects: Effect[] = [];
  const screen = createScreen({
    theme: chooseTheme(environment),
    size: () => ({ columns, rows }),
    now: () => start + seconds * 1000,
    onEffect: (effect) => effects.push(effect),
  });
  for (const event of events) screen.onEvent(event);
  screen.tick();
  let presses = 0;
  const looks = new Set<() => void>();
  const lookAgain = (): void => looks.forEach((look) => look());
  const watched: Screen = {
    ...screen,
    press: (key) => {
      screen.press(key);
      presses++;
      lookAgain();
    },
  };
  const app = render(<App screen={watched} interactive={true} />);
  const write = app.stdout.write;
  app.stdout.write = (frame) => {
    write(frame);
    lookAgain();
  };
  app.stdin.on('newListener', () => queueMicrotask(lookAgain));
  const shown = (): string[] =>
    app
      .lastFrame()!
      .split('\n')
      .map((line) => line.trimEnd());
  const plain = (all: readonly string[]): string =>
    all.map((line) => stripVTControlCharacters(line).trimEnd()).join('\n');
  const isShown = (): boolean => plain(screen.lines()) === plain(shown());
  const when = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        looks.delete(look);
        resolve();
      };
      looks.add(look);
      look();
    });
  unmount = app.unmount;
  return {
    lines: shown,
    // A key has been typed when the screen has heard of it and its frame is drawn.
    type: async (...keys) => {
      await when(() => app.stdin.listenerCount('readable') > 0);
      for (const key of keys) {
        const all = presses + key.length;
        app.stdin.write(key);
        await when(() => presses === all && isShown());
      }
    },
    drawn: () => when(isShown),
    effects,
    screen,
  };
}

const until = (seconds: number, events: readonly RunEvent[]) =>
  events.filter((event) => event.at <= start + seconds * 1000);

describe('the list of stages', () => {
  test('shows every stage with its strip, counts and rate', () => {
    const { lines } = show(until(2.4, scriptedRun()));
    expect(lines()).toEqual(
      [
        '⠋ figure-4 · 2.4 s · about 2.0 s left (1.0 s to 6.0 s) · wasm ×2 · peak 300 MiB',
        '9/20 cells · 2 reused · 1 running · 373 images/s · cache 5 hits, saved 1:00',
        '› photos      ▓▓▓▓          1/1          reused',
        '  trained     ▓             1/1          reused',
        '  adversarial ▓▓▓▓▓▓        6/6   1.2 s  640 images/s',
        '  scores      ▓▒░░░░░░░░░░ 1/12   0.2 s  accuracy 99.0 %',
        '? help · q quit · enter open · ↑↓ move · w why · l log · / filter',
      ].map((line) => expect.stringMatching(looksLike(line)) as string),
    );
  });

  test('has what a change of the backend costs under the counts, wrapped', () => {
    const [started, ...rest] = until(2.4, scriptedRun());
    const [wasm, tensorflow] = ['wasm', 'tensorflow'].map((backend) => ({ backend, version: '1' }));
    const message = `The backend changes from wasm to tensorflow, so 860 shards are computed again; ${'x'.repeat(60)}.`;
    const change = { type: 'backend-changed', from: wasm!, to: tensorflow!, shards: 860, message } as const;
    const { lines } = show([started!, after(0, change), ...rest]);
    expect(lines().slice(2, 5)).toEqual([
      'The backend changes from wasm to tensorflow, so 860 shards are computed again;',
      `  ${'x'.repeat(60)}.`,
      expect.stringMatching(/^› photos/) as string,
    ]);
  });

  test.each([80, 120, 200, 400])('has its counts right after the longest strip at %i columns', (columns) => {
    const { lines } = show(until(2.4, scriptedRun()), { columns, rows: 40, seconds: 2.4 });
    const rows = lines().filter((line) => /^[› ] (photos|adversarial|scores)/.test(line));
    expect(rows).toHaveLength(3);
    for (const row of rows) expect(row).toMatch(/^.{27} *\d+\/\d+ /u);
    expect(rows.every((row) => row.search(/\d+\/\d+/) <= 29)).toBe(true);
  });

  test('fits into 40 columns of ASCII', () => {
    const { lines } = show(until(1.7, scriptedRun({ failing })), {
      columns: 40,
      rows: 12,
      seconds: 1.7,
      environment: { TERM: 'linux', NO_COLOR: '1' },
    });
    const shown = lines();
    expect(shown.every((line) => textColumns(line) <= 40 && /^[\x20-\x7E]*$/.test(line))).toBe(true);
    expect(shown.slice(-6)).toEqual([
      '> photos      ====          1/1',
      '  trained     =             1/1',
      '  adversarial #x##+.        3/6',
      '  scores      ............ 0/12',
      'x adversarial[attack=fgsm,strength=0.02]',
      '? help | q quit | f failure | enter open',
    ]);
  });

  test('a thousand cells are compressed, and one failure among them still shows', () => {
    const many = {
      attacks: Array.from({ length: 20 }, (_, i) => `a${i}`),
      strengths: Array.from({ length: 50 }, (_, i) => i),
      defenses: ['none'],
    };
    const events = until(60, scriptedRun({ ...many, failing: 'adversarial[attack=a3,strength=7]' }));
    const { lines } = show(events, { columns: 100, seconds: 60 });
    const row = lines().find((line) => line.includes('adversarial '))!;
    expect(textColumns(row)).toBeLessThanOrEqual(100);
    expect(row.match(/✗/g)).toHaveLength(1);
    expect(row).toMatch(/▓+✗▓*▒░+ +\d+\/1,000/);
  });

  test('is never as high as the terminal, and the window follows the selection', async () => {
    const events = Array.from({ length: 50 }, (_, index) =>
      after(0, {
        type: 'cell-planned',
        cell: `stage${index}`,
        stage: `stage${index}`,
        uses: 'debug/constant',
        axes: {},
        shards: { total: 1, reuse: 0, run: 1 },
        images: 0,
        because: [],
      }),
    );
    const { lines, type } = show(events, { rows: 10 });
    expect(lines()).toHaveLength(9);
    await type('j'.repeat(49));
    expect(lines()).toHaveLength(9);
    expect(lines().find((line) => line.startsWith('›'))).toContain('stage49');
  });

  test('the filter narrows the list while it is typed, escape clears it', async () => {
    const { lines, type } = show(until(2.4, scriptedRun()));
    await type('/', 'rob');
    expect(lines().slice(2)).toEqual([
      expect.stringContaining('› scores') as string,
      '/rob_',
      'type to filter, enter keeps it, esc clears it',
    ]);
    await type('\r');
    expect(lines().at(-2)).toBe('/rob (esc clears)');
    await type('\u001B');
    expect(lines().filter((line) => line.includes('photos'))).toHaveLength(1);
  });
});

describe('a stage', () => {
  test('opens as a grid of its axes with the accuracy as it arrives', async () => {
    const { lines, type } = show(until(4, scriptedRun()), { seconds: 4 });
    await type('j', 'j', 'j', '\r');
    expect(lines().slice(2, 10)).toEqual([
      'scores  evaluate/robustness',
      'attack · strength  none   jpeg',
      'fgsm · 0           99.0   99.0',
      'fgsm · 0.02        79.0   79.4',
      'fgsm · 0.06        39.0   40.2',
      'i-fgsm · 0         99.0   99.0',
      // Without colours the selected cell, which is the running one, has brackets.
      'i-fgsm · 0.02      79.0 [    ▒]',
      'i-fgsm · 0.06         ░      ░',
    ]);
  });

  test('the accuracies have colours from red to green', async () => {
    const { screen, type } = show(scriptedRun(), {
      seconds: 10,
      environment: { LANG: 'C.UTF-8', FORCE_COLOR: '1' },
    });
    await type('j', 'j', 'j', '\r');
    const grid = screen.lines().join('\n');
    expect(grid).toContain('\u001B[38;5;40m  99.0 \u001B[0m');
    expect(grid).toContain('\u001B[38;5;208m  39.0 \u001B[0m');
  });

  test('opens as a list where the grid does not fit', async () => {
    const { lines, type } = show(until(4, scriptedRun()), { seconds: 4, columns: 26, rows: 30 });
    await type('j', 'j', 'j', '\r');
    expect(lines().some((line) => /^[› ] ▓ (i-)?fgsm,[\d.]+,(none|jpeg) +\d\d\.\d %$/.test(line))).toBe(true);
  });

  test('f leads to the failure, w says why, l shows the log, escape goes back', async () => {
    const { lines, type } = show(until(3, scriptedRun({ failing })), { columns: 100 });
    await type('f');
    expect(lines()).toContain(
      "again: ravelin run pipelines/figure-4.yaml --only 'adversarial[attack=fgsm,strength=0.02]'",
    );
    expect(lines()).toContain('the worker ran out of memory at 1.5 GiB [out-of-memory]');
    await type('w');
    expect(lines().slice(2, 5)).toEqual([`why ${failing}`, 'attack/fgsm', '- with.steps 10 → 20']);
    await type('l');
    expect(lines().slice(2, 4)).toEqual([`log ${failing}`, 'shard 0: 64 images']);
    await type('\u001B', '\u001B', '\u001B');
    expect(lines().some((line) => line.startsWith('› adversarial'))).toBe(true);
  });
});

test('Ctrl-C drains once and stops at the second time; q quits', async () => {
  const { type, effects } = show(until(2.4, scriptedRun()));
  await type('\u0003');
  expect(effects).toEqual(['drain']);
  await type('\u0003', 'q');
  expect(effects).toEqual(['drain', 'stop', 'quit']);
});

test('the last frame has the result and no hints', async () => {
  const { lines, screen, drawn } = show(scriptedRun());
  screen.end();
  await drawn();
  expect(lines()[0]).toMatch(/^figure-4 · ok in [\d.]+ s · wasm ×2/);
  expect(lines().at(-1)).toContain('scores');
});

test('help names every key', async () => {
  const { lines, type } = show([]);
  await type('?');
  expect(lines().join('\n')).toMatch(/enter[^]*esc[^]*\/[^]*w [^]*l [^]*f [^]*q [^]*Ctrl-C/);
});

describe('terminal text', () => {
  test('control characters and escape sequences of a log never reach the terminal', () => {
    expect(renderLine([span('a\u001B[2Jb\rc')], 20, chooseTheme(noColour))).toBe('a�[2Jb c');
  });

  test('wide characters count twice, and text is cut to the width', () => {
    expect(textColumns('日本a')).toBe(5);
    expect(renderLine([span('日本語'), span('abc')], 5, chooseTheme(noColour))).toBe('日本…');
  });

  test('colour and glyphs follow the environment', () => {
    expect(chooseTheme({ LANG: 'de_DE.UTF-8', TERM: 'xterm' })).toMatchObject({
      colour: true,
      glyphs: { done: '▓' },
    });
    expect(chooseTheme({ LANG: 'C', TERM: 'xterm', NO_COLOR: '1' })).toMatchObject({
      colour: false,
      glyphs: { done: '#' },
    });
    expect(chooseTheme({ NO_COLOR: '1', FORCE_COLOR: '1' }).colour).toBe(true);
    expect(chooseTheme({ FORCE_COLOR: '0' }).colour).toBe(false);
    expect(chooseTheme({ LANG: 'C.UTF-8', TERM: 'linux' }).glyphs.done).toBe('#');
  });
});

/** The line with its spinner left open; everything else literal. */
function looksLike(line: string): RegExp {
  const literal = line.replace(/^⠋/, 'SPINNER').replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replace('SPINNER', '[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]')}$`);
}

test('what Ink keeps of the frames does not grow with their number', () => {
  // Ink keeps the size of each text that it has measured, for ever.
  const measured: unknown[] = [];
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with its map below
  const keep = Map.prototype.set;
  const spy = vi.spyOn(Map.prototype, 'set').mockImplementation(function (
    this: Map<unknown, unknown>,
    key,
    value: unknown,
  ) {
    if (typeof value === 'object' && value !== null && 'width' in value && 'height' in value)
      measured.push(key);
    return keep.call(this, key, value) as Map<unknown, unknown>;
  });
  onTestFinished(() => spy.mockRestore());
  let listener: () => void = () => undefined;
  let lines: readonly string[] = [];
  const screen: Screen = {
    subscribe: (next) => {
      listener = next;
      return () => undefined;
    },
    lines: () => lines,
    press: () => undefined,
  };
  const app = render(<App screen={screen} interactive={false} />);
  unmount = app.unmount;
  for (let frame = 0; frame < 300; frame++) {
    lines = Array.from({ length: 3 + (frame % 4) }, (_, row) => `frame ${frame} row ${row}`);
    act(() => listener());
  }
  expect(app.lastFrame()).toBe(lines.join('\n'));
  // A text for each height, and none for each frame.
  expect(measured.length).toBeGreaterThan(0);
  expect(new Set(measured).size).toBeLessThanOrEqual(4);
});
