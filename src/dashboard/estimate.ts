import type { DashboardState } from './state.ts';
import { at } from './vector.ts';

const rateWindowMs = 30_000;

/** Images finished per second over the last 30 s, in all stages together; null before the first shard. */
export function imageRate(state: DashboardState, now: number): number | null {
  const samples = state.recent.filter((sample) => sample.at > now - rateWindowMs);
  if (samples.length === 0) return null;
  const images = samples.reduce((sum, sample) => sum + sample.images, 0);
  const from = Math.max(state.startedAt ?? samples[0]!.at, now - rateWindowMs);
  return images === 0 ? null : images / Math.max(1, (now - from) / 1000);
}

/**
 * Estimates the seconds until the end from the remaining shards and the mean seconds of a shard of the same
 * `uses`; a `uses` without a finished shard takes the mean over all. Running shards count with their
 * remaining time, by their own progress or else by the mean. The work is spread over the workers, but does
 * not end before the longest running shard. Returns null until something has been measured.
 */
export function remainingSeconds(state: DashboardState, now: number): number | null {
  let [seconds, measured] = [0, 0];
  for (const work of state.work.values()) {
    seconds += work.seconds;
    measured += work.measured;
  }
  const overall = measured === 0 ? null : seconds / measured;
  const meanOf = (uses: string): number | null => {
    const work = state.work.get(uses);
    return work !== undefined && work.measured > 0 ? work.seconds / work.measured : overall;
  };
  let left = 0;
  let longest = 0;
  const runningOf = new Map<string, number>();
  for (const shard of state.running.values()) {
    const uses = at(state.cells, shard.cell)!.uses;
    runningOf.set(uses, (runningOf.get(uses) ?? 0) + 1);
    const elapsed = Math.max(0, now - shard.startedAt) / 1000;
    const share = shard.total > 0 ? shard.done / shard.total : 0;
    const mean = meanOf(uses);
    const rest =
      share > 0 ? (elapsed / share) * (1 - share) : mean === null ? null : Math.max(0, mean - elapsed);
    if (rest === null) return null;
    left += rest;
    longest = Math.max(longest, rest);
  }
  for (const [uses, work] of state.work) {
    const waiting = Math.max(0, work.left - (runningOf.get(uses) ?? 0));
    if (waiting === 0) continue;
    const mean = meanOf(uses);
    if (mean === null) return null;
    left += waiting * mean;
  }
  return Math.max(longest, left / Math.max(1, state.workers));
}

/** Seconds since the run began; constant once it has ended. */
export function elapsedSeconds(state: DashboardState, now: number): number {
  if (state.finished !== null) return state.finished.seconds;
  return state.startedAt === null ? 0 : Math.max(0, now - state.startedAt) / 1000;
}
