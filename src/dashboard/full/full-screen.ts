import type { Remaining } from '../estimate.ts';
import type { Key } from '../parts/keys.ts';
import type { FindPictures } from '../pictures.ts';
import type { DeviceLoad } from '../renderer.ts';
import type { DashboardState } from '../state.ts';
import type { Graphics } from './graphics.ts';
import { pressFull } from './full-keys.ts';
import { firstFullView, type Abilities, type FullEffect, type FullView } from './full-view.ts';

/** All that the screen draws. The same object as long as nothing changes. */
export interface FullSnapshot {
  readonly state: DashboardState;
  readonly view: FullView;
  /** Milliseconds since the epoch, the only clock of all animation. */
  readonly now: number;
  readonly size: { readonly columns: number; readonly rows: number };
  readonly remaining: Remaining | null;
  readonly notice: string;
  readonly place: string;
  readonly abilities: Abilities;
  readonly devices: readonly DeviceLoad[];
  /** Null if the screen can show no images. */
  readonly pictures: FindPictures | null;
  /** How the terminal shows pictures of pixels; null if it does not, or has not said so yet. */
  readonly graphics: Graphics | null;
}

/** All that the screen shows of the world around it. */
export type FullSource = Omit<FullSnapshot, 'view'>;

export interface FullScreen {
  readonly subscribe: (listener: () => void) => () => void;
  readonly snapshot: () => FullSnapshot;
  readonly press: (key: Key) => void;
  /** Draws what has changed. */
  readonly tick: () => void;
  /** Shows a message in the last line until the next key. */
  readonly say: (note: string) => void;
}

/** Holds the view of the whole screen. It draws on `tick`, which the one clock calls, and immediately on a key. */
export function createFullScreen(
  source: () => FullSource,
  onEffect: (effect: FullEffect) => void,
): FullScreen {
  let view = firstFullView;
  let isTouched = false;
  let snapshot: FullSnapshot = { ...source(), view };
  const listeners = new Set<() => void>();
  const draw = (): void => {
    const { state } = source();
    if (!isTouched) view = lookAt(view, mostTelling(state));
    const next = { ...source(), view };
    if (isSame(snapshot, next)) return;
    snapshot = next;
    for (const listener of listeners) listener();
  };
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    snapshot: () => snapshot,
    press: (key) => {
      const { state, abilities } = source();
      const pressed = pressFull(view, key, state, abilities);
      const { stage, cell, pane } = pressed.view;
      isTouched ||= stage !== view.stage || cell !== view.cell || pane !== view.pane;
      view = pressed.view;
      if (pressed.effect !== undefined) onEffect(pressed.effect);
      draw();
    },
    tick: draw,
    say: (note) => {
      view = { ...view, note };
      draw();
    },
  };
}

function lookAt(view: FullView, stage: number): FullView {
  return view.stage === stage ? view : { ...view, stage };
}

/** The stage that is shown until a key is pressed: the last with scores, or else the last that computes. */
function mostTelling({ stages }: DashboardState): number {
  const scored = stages.findLastIndex(({ score, cells }) => score !== null && cells.length > 1);
  if (scored >= 0) return scored;
  return Math.max(
    0,
    stages.findLastIndex(({ shards }) => shards.running > 0),
  );
}

/** Whether two snapshots draw the same. A run that has ended stands still, so its clock does not count. */
function isSame(a: FullSnapshot, b: FullSnapshot): boolean {
  return (
    a.state === b.state &&
    a.view === b.view &&
    a.size.columns === b.size.columns &&
    a.size.rows === b.size.rows &&
    a.notice === b.notice &&
    a.place === b.place &&
    a.graphics === b.graphics &&
    (a.now === b.now || b.state.finished !== null)
  );
}
