import type { Theme } from '../inline/theme.ts';
import type { FullSnapshot } from './full-screen.ts';

/** The inputs of each pane. */
export interface PaneContext {
  readonly snapshot: FullSnapshot;
  readonly theme: Theme;
  readonly size: { readonly width: number; readonly height: number };
}
