import type { RunEvent } from '../../runtime/events.ts';
import { formatDuration } from '../format.ts';
import { reduce } from '../reduce.ts';
import { initialState, type DashboardState } from '../state.ts';
import type { TimeMove } from './full-view.ts';

/** A run as it was at any time, from its events. */
export interface Recording {
  readonly add: (event: RunEvent) => void;
  /** The state at the time that is shown. */
  readonly state: () => DashboardState;
  /** The time that is shown, in milliseconds since the epoch. */
  readonly now: () => number;
  readonly move: (move: TimeMove) => void;
  /** Goes on with a film that plays; `clock` is the time of the spectator in milliseconds. */
  readonly tick: (clock: number) => void;
  /** `2:31 of 4:10, 4 times as fast`; empty at the end. */
  readonly place: () => string;
}

/** A state is kept each time after this number of events; every other state is reached from one of these. */
const between = 500;
/** Steps from the beginning of a run to its end. */
const steps = 50;

/** Keeps all events and some states of a run. `clock` is used while the end is shown and the run goes on. */
export function createRecording(clock: () => number): Recording {
  const events: RunEvent[] = [];
  const kept: DashboardState[] = [initialState()];
  let latest = initialState();
  /** Null shows the end, which moves on as events arrive. */
  let time: number | null = null;
  let shown: { readonly count: number; readonly state: DashboardState } = { count: 0, state: latest };
  let playedAt: number | null = null;
  let speed = 1;
  const begin = (): number => events[0]?.at ?? 0;
  const end = (): number => events.at(-1)?.at ?? 0;
  const countAt = (at: number): number => {
    let [low, high] = [0, events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (events[middle]!.at <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const stateAfter = (count: number): DashboardState => {
    if (count === events.length) return latest;
    const nearest = Math.floor(count / between);
    const isNear = shown.count <= count && shown.count >= nearest * between;
    let [from, state] = isNear ? [shown.count, shown.state] : [nearest * between, kept[nearest]!];
    while (from < count) state = reduce(state, events[from++]!);
    shown = { count, state };
    return state;
  };
  const seek = (to: number): void => {
    time = to >= end() ? null : Math.max(begin(), to);
    if (time === null) playedAt = null;
  };
  const here = (): number => time ?? end();
  return {
    add: (event) => {
      // Clocks of hosts differ; the order of the ledger counts.
      events.push(event.at >= end() ? event : { ...event, at: end() });
      latest = reduce(latest, events.at(-1)!);
      if (events.length % between === 0) kept.push(latest);
    },
    state: () => (time === null ? latest : stateAfter(countAt(time))),
    now: () => time ?? (latest.finished === null ? Math.max(end(), clock()) : end()),
    move: (move) => {
      const step = (end() - begin()) / steps;
      const count = countAt(here());
      switch (move) {
        case 'back': {
          seek(here() - step);
          return;
        }
        case 'forward': {
          seek(here() + step);
          return;
        }
        case 'event-back': {
          seek((events[countAt(here() - 1) - 1] ?? events[0])?.at ?? 0);
          return;
        }
        case 'event-forward': {
          seek(events[count]?.at ?? end());
          return;
        }
        case 'start': {
          seek(begin());
          return;
        }
        case 'end': {
          seek(end());
          return;
        }
        case 'faster':
          speed = Math.min(1024, speed * 2);
          return;
        case 'slower':
          speed = Math.max(1 / 8, speed / 2);
          return;
        case 'play':
          // A film that is at its end begins again.
          if (playedAt === null && time === null) seek(begin());
          playedAt = playedAt === null ? clock() : null;
          return;
        default:
          move satisfies never;
      }
    },
    tick: (at) => {
      if (playedAt === null) return;
      const passed = Math.max(0, at - playedAt);
      playedAt = at;
      seek(here() + passed * speed);
    },
    place: () => {
      if (time === null) return '';
      const playing = playedAt === null ? '' : `, playing at ${speed} times`;
      return `${formatDuration((time - begin()) / 1000)} of ${formatDuration((end() - begin()) / 1000)}${playing}`;
    },
  };
}
