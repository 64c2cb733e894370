import type { RunEvent } from '../runtime/events.ts';

/** One way to show a run. */
export interface Renderer {
  onEvent(event: RunEvent): void;
  /** Writes the summary to stderr, then `results` (a table, say) to stdout; resolves when the screen is released. */
  finish(results?: string): Promise<void>;
}

export type RendererKind = 'inline' | 'plain' | 'json' | 'quiet';

/** The world as a renderer sees it; passed in, so that tests have their own. */
export interface RendererIo {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Ctrl-C where the terminal is in raw mode and sends no signal: the first drains, the second stops. */
  readonly onInterrupt: () => void;
  /** `q`: leave the screen; what that does to the run is for the caller to decide. */
  readonly onQuit: () => void;
}
