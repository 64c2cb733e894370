import type { Theme } from '../parts/theme.ts';
import type { Canvas } from './canvas.ts';
import type { FullSnapshot } from './full-screen.ts';

/** The rectangle of a pane, its title included. */
export interface PanePlace {
  readonly canvas: Canvas;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The inputs of each pane. */
export interface PaneContext {
  readonly snapshot: FullSnapshot;
  readonly theme: Theme;
  readonly place: PanePlace;
}

/** Whether a pane that shows neither the time nor anything that follows from it stays as it is. */
export function isSameButTime(a: PaneContext, b: PaneContext): boolean {
  return (
    a.snapshot.state === b.snapshot.state &&
    a.snapshot.view === b.snapshot.view &&
    a.snapshot.graphics === b.snapshot.graphics &&
    a.theme === b.theme &&
    isSamePlace(a.place, b.place)
  );
}

function isSamePlace(a: PanePlace, b: PanePlace): boolean {
  return (
    a.canvas === b.canvas &&
    a.left === b.left &&
    a.top === b.top &&
    a.width === b.width &&
    a.height === b.height
  );
}
