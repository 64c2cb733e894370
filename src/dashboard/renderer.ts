import type { RunEvent } from '../runtime/events.ts';
import type { TerminalHost } from './terminal-host.ts';
import type { Prior } from './estimate.ts';
import type { FindPictures } from './pictures.ts';
import type { DashboardState } from './state.ts';

/** One way to show a run. */
export interface Renderer {
  onEvent(event: RunEvent): void;
  /** Says on stderr what the run does after an interruption. */
  notice(text: string): void;
  /**
   * Writes the summary to stderr, then `results`, such as a table, to stdout. Resolves when the screen is
   * released.
   */
  finish(results?: string): Promise<void>;
}

/** `recorded` is the whole screen on a run of the past or of another process. */
export type RendererKind = 'inline' | 'full' | 'recorded' | 'plain' | 'json' | 'quiet';

/** The memory of a device and how busy it is. */
export interface DeviceLoad {
  readonly name: string;
  readonly usedBytes: number;
  readonly totalBytes: number;
  /** From 0 to 1; null if its driver does not say. */
  readonly busy: number | null;
}

/** The power of a screen over the run that it shows. */
export interface ScreenControl {
  readonly pause: (paused: boolean) => void;
  /** Returns why a cell cannot be cancelled; null if it was. */
  readonly cancel: (cell: string) => string | null;
  /** Returns why failed cells cannot be tried again; null if they are. */
  readonly retry: (cells: readonly string[]) => string | null;
}

/** The environment of a renderer, which is passed in so that tests can replace it. */
export interface RendererIo {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether other processes have the terminal, so that this one must neither draw nor listen to keys. */
  readonly isInBackground: boolean;
  /** Milliseconds since the epoch, by the clock of the events of a run in this process. */
  readonly now: () => number;
  /**
   * Called on Ctrl-C if the terminal is in raw mode and sends no signal: the first drains, the second stops.
   */
  readonly onInterrupt: () => void;
  /**
   * Called on `q`; the caller decides what happens to the run. `leave` releases the screen without a summary. It
   * resolves to what the screen knows of the run, for a renderer that goes on; from then on the screen is no
   * longer updated.
   */
  readonly onQuit: (leave: () => Promise<DashboardState>) => void;
  /** The process, for a display; without it, there is no Ctrl-Z, no pager and no opening of files. */
  readonly host?: TerminalHost;
  /** The commands of a person to the run; absent for a run that another process computes. */
  readonly control?: ScreenControl;
  /** Path of the log of a cell; null if it has none. */
  readonly logOf?: (cell: string) => string | null;
  /** The devices of this machine as they were some seconds ago; absent for a run that is over or elsewhere. */
  readonly devices?: () => readonly DeviceLoad[];
  /** Finds the images of cells. */
  readonly picturesOf?: FindPictures;
  /** The time that units took in earlier runs. */
  readonly prior?: Prior;
  /** State that another renderer has shown, if this one goes on where that one was left. */
  readonly state?: DashboardState;
}
