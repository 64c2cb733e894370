/**
 * Time-outs that do not count the time in which this process was stopped (Ctrl-Z, SIGSTOP, a laptop that sleeps): the
 * processes that it watches were probably stopped too, and their messages wait to be read. The clock is monotonic, so
 * that no change of the time of day ends a time-out.
 */

/** The system's monotonic clock in milliseconds. */
export type Now = () => number;

/** Milliseconds of the monotonic clock, which no change of the time of day moves. */
export const monotonicNow: Now = () => performance.now();

/** A busy process runs its timers late, by less than this; one that was stopped runs them later. */
const lateMs = 1_000;

/** A clock that stands still while this process is stopped. It must be read every `tickMs`, as a timer can do. */
export function createAwakeClock(tickMs: number, now: Now = monotonicNow): Now {
  let last = now();
  let awakeMs = 0;
  return () => {
    const time = now();
    awakeMs += Math.min(time - last, tickMs + lateMs);
    last = time;
    return awakeMs;
  };
}

/**
 * Calls `reached` after `ms` milliseconds in which this process was not stopped; of a stop, a hundredth of them
 * counts, or two seconds. There may be more of them than a timer of Node takes, which is 24.8 days. The result cancels
 * the call.
 */
export function limitTime(ms: number, reached: () => void, now: Now = monotonicNow): () => void {
  const tickMs = Math.min(Math.max(ms / 100, 1_000), 10_000);
  let leftMs = ms;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const stepMs = Math.min(leftMs, tickMs);
    const begun = now();
    timer = setTimeout(() => {
      // A timer may run a little before its time by this clock.
      leftMs -= Math.min(Math.max(now() - begun, stepMs), stepMs + lateMs);
      if (leftMs <= 0) reached();
      else wait();
    }, stepMs);
  };
  wait();
  return () => clearTimeout(timer);
}
