/** The process, for a display that needs the terminal or has to give it back. */
export interface TerminalHost {
  /** Called when the process ends in any way but a kill; returns a function that forgets it. */
  readonly onExit: (handler: () => void) => () => void;
  /** Called on SIGTERM, SIGHUP and SIGINT, which end nothing by themselves then. */
  readonly onTerminate: (handler: () => void) => () => void;
  /** Called before the process is stopped from outside, and when it goes on. */
  readonly onStop: (stopped: () => void, continued: () => void) => () => void;
  /** Stops all processes of the job, as Ctrl-Z does if the terminal is not in raw mode. */
  readonly stop: () => void;
  /** Writes at once, even while the process ends. */
  readonly writeNow: (text: string) => void;
  /** Shows a file in the pager; resolves when that has ended, to an error message or null. */
  readonly page: (path: string) => Promise<string | null>;
  /** Opens a file with the program of the desktop. */
  readonly open: (path: string) => void;
}
