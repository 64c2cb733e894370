import type { DashboardState } from '../state.ts';
import type { Theme } from './theme.ts';
import type { View } from './view.ts';

/** What every part of a frame is composed from. */
export interface FrameContext {
  readonly state: DashboardState;
  readonly view: View;
  readonly theme: Theme;
  readonly columns: number;
  /** Milliseconds since the epoch: the one clock of all animation. */
  readonly now: number;
}
