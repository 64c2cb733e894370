/** The commands of a person to a run while it goes on. */
export interface RunControl {
  readonly isPaused: () => boolean;
  /** While a run is paused, it starts nothing; what runs is finished. */
  readonly pause: (paused: boolean) => void;
  /** Cancels a cell by its id, and what waits for it. Returns why that cannot be done; null if it was done. */
  readonly cancel: (cell: string) => string | null;
  /** Takes failed cells up again by their ids, with what waits for them. Returns why that cannot be done; null if it was done. */
  readonly retry: (cells: readonly string[]) => string | null;
  /** Called by the run, which obeys until it calls the function that is returned. */
  readonly obey: (run: ControlledRun) => () => void;
}

export interface ControlledRun {
  readonly pause: (paused: boolean) => void;
  readonly cancel: RunControl['cancel'];
  readonly retry: RunControl['retry'];
}

export function createRunControl(): RunControl {
  let isPaused = false;
  let run: ControlledRun | null = null;
  return {
    isPaused: () => isPaused,
    pause: (paused) => {
      if (paused === isPaused) return;
      isPaused = paused;
      run?.pause(paused);
    },
    cancel: (cell) => (run === null ? 'no run is going on' : run.cancel(cell)),
    retry: (cells) => (run === null ? 'no run is going on' : run.retry(cells)),
    obey: (obedient) => {
      run = obedient;
      return () => {
        run = null;
      };
    },
  };
}
