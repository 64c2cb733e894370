/** Decides when a training writes a checkpoint. */
export interface CheckpointPace {
  /** Whether one is due after this many steps since the start or the last resumption. */
  readonly isDue: (steps: number) => boolean;
  /** Whether one is due after an epoch, whose validation is not to be repeated. */
  readonly isDueAfterEpoch: () => boolean;
  /** Writes it, and takes the time. */
  readonly write: (work: () => Promise<void>) => Promise<void>;
}

/** Writing takes at most this part of the time. */
const writingShare = 1 / 100;
/** A checkpoint is not written sooner after another. */
const leastMs = 10_000;

/**
 * Every `everySteps` steps and after each epoch; or, if that is null, as often as writing takes a hundredth of the time, and
 * between epochs every ten seconds at most. `now` is a monotonic clock in milliseconds.
 */
export function checkpointPace(everySteps: number | null, now: () => number): CheckpointPace {
  let nextAt = now() + leastMs;
  let affordableAt = -Infinity;
  return {
    isDue: (steps) => (everySteps === null ? now() >= nextAt : steps % everySteps === 0),
    isDueAfterEpoch: () => everySteps !== null || now() >= affordableAt,
    write: async (work) => {
      const begun = now();
      await work();
      const ended = now();
      affordableAt = ended + (ended - begun) / writingShare;
      nextAt = Math.max(affordableAt, ended + leastMs);
    },
  };
}
