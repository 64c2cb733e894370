/** The end of a run before its time: by Ctrl-C, by SIGTERM, and by `ravelin cancel`, which sends the latter. */
export interface Interruption {
  /** Aborted by the first: what runs is finished, and nothing is started. */
  readonly drain: AbortSignal;
  /** Aborted by the second: workers are killed. */
  readonly kill: AbortSignal;
  /** Acts as Ctrl-C, for a terminal in raw mode, which sends no signal. */
  readonly interrupt: () => void;
  /** The signal that came last. */
  readonly signal: () => 'SIGINT' | 'SIGTERM';
  /** Takes the signals no longer. */
  readonly stop: () => void;
}

/** Takes SIGINT and SIGTERM until `stop`. `notice` is given what to say to a person. */
export function listenForInterrupts(notice: (text: string) => void): Interruption {
  const drain = new AbortController();
  const kill = new AbortController();
  let last: 'SIGINT' | 'SIGTERM' = 'SIGINT';
  const interrupt = (signal: 'SIGINT' | 'SIGTERM') => {
    last = signal;
    if (drain.signal.aborted) {
      notice('Stopping. Everything committed is kept.');
      kill.abort();
      return;
    }
    drain.abort();
    notice(
      'Finishing the running shards, and stopping trainings at their next step. Press Ctrl-C again to stop immediately. Everything committed is kept, and the same command goes on from there.',
    );
  };
  const onInterrupt = () => interrupt('SIGINT');
  const onTerminate = () => interrupt('SIGTERM');
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onTerminate);
  return {
    drain: drain.signal,
    kill: kill.signal,
    interrupt: onInterrupt,
    signal: () => last,
    stop: () => {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onTerminate);
    },
  };
}
