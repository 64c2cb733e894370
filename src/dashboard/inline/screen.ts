import type { RunEvent } from '../../runtime/events.ts';
import { cellsPerFrame, createEstimator, type Prior } from '../estimate.ts';
import { reduce } from '../reduce.ts';
import { initialState } from '../state.ts';
import type { DashboardState } from '../state.ts';
import { frame } from './frame.ts';
import type { Theme } from '../parts/theme.ts';
import { firstView, press } from './view.ts';
import type { Effect } from './view.ts';
import type { Key } from '../parts/keys.ts';

export interface ScreenOptions {
  readonly theme: Theme;
  /** Called for each frame, because a window can change its size. */
  readonly size: () => { readonly columns: number; readonly rows: number };
  readonly now: () => number;
  readonly onEffect: (effect: Effect) => void;
  /** Whether there are keys to hint at; if not given, there are. */
  readonly interactive?: boolean;
  /** The time that units took in earlier runs. */
  readonly prior?: Prior;
}

/**
 * Holds state and view, and composes the lines. Events only change the state; lines change on `tick`, which
 * the one clock calls, and immediately on a key.
 */
export interface LiveScreen {
  readonly onEvent: (event: RunEvent) => void;
  /** Shows a text above the stages until the run has ended. */
  readonly notice: (text: string) => void;
  readonly tick: () => void;
  /** Draws the last frame, with all stages and without hints. */
  readonly end: () => void;
  readonly state: () => DashboardState;
  readonly subscribe: (listener: () => void) => () => void;
  readonly lines: () => readonly string[];
  readonly press: (key: Key) => void;
}

export function createScreen({
  theme,
  size,
  now,
  onEffect,
  interactive = true,
  prior,
}: ScreenOptions): LiveScreen {
  let state = initialState();
  let view = firstView;
  const estimator = createEstimator(prior, cellsPerFrame);
  let notice = '';
  let lines: readonly string[] = [];
  const listeners = new Set<() => void>();
  const draw = (last = false): void => {
    const time = now();
    const remaining = estimator.remaining(state, time);
    const next = frame({ state, view, theme, notice, interactive, remaining, now: time, ...size() }, last);
    // Unchanged lines keep their identity, so that nothing is rendered again.
    if (next.length === lines.length && next.every((line, row) => line === lines[row])) return;
    lines = next;
    for (const listener of listeners) listener();
  };
  return {
    onEvent: (event) => {
      state = reduce(state, event);
    },
    notice: (text) => {
      notice = text;
      draw();
    },
    tick: () => draw(),
    end: () => {
      view = { ...firstView, stage: view.stage };
      draw(true);
    },
    state: () => state,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    lines: () => lines,
    press: (key) => {
      const pressed = press(view, key, state, size().columns);
      view = pressed.view;
      draw();
      if (pressed.effect !== undefined) onEffect(pressed.effect);
    },
  };
}
