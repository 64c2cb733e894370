/**
 * Milliseconds since the epoch, whole, for the events of a run and for those who compare with them in its process: the time of day
 * at which this process began, and what the monotonic clock counted since. If somebody sets the time of day, or a service
 * corrects it, times go on as before, so that their differences remain durations.
 */
export function runNow(): number {
  return Math.round(performance.timeOrigin + performance.now());
}
