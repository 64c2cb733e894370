import type { Remaining } from '../estimate.ts';
import type { DashboardState } from '../state.ts';
import type { Theme } from '../parts/theme.ts';
import type { View } from './view.ts';

/** The inputs of every part of a frame. */
export interface FrameContext {
  readonly state: DashboardState;
  readonly view: View;
  readonly theme: Theme;
  /** The estimate of the end; null if there is none. */
  readonly remaining: Remaining | null;
  /** Text on what the run does after an interruption; empty without one. */
  readonly notice: string;
  /** Whether keys are heard. */
  readonly interactive: boolean;
  readonly columns: number;
  /** Milliseconds since the epoch, the only clock of all animation. */
  readonly now: number;
}
