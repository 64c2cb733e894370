import type { RunEvent, UnitTime } from '../runtime/events.ts';
import { phases, type PhaseSeconds } from '../timing/phases.ts';

/** The seconds of some units, by what they went into. The phases add up to `wall`. */
export interface TimeSum extends PhaseSeconds {
  readonly units: number;
  readonly wall: number;
  readonly cpu: number;
  /** Bytes that went to the backend and came back; absent if it counts none. */
  readonly fed?: number;
  readonly fetched?: number;
}

export interface StageTime extends TimeSum {
  readonly stage: string;
  readonly uses: string;
  /** The stage whose cells this one is a part of. */
  readonly partOf?: string;
}

/** Seconds of all workers together; they add up to `count` times the seconds of the run. */
export interface WorkerTime {
  readonly count: number;
  readonly computing: number;
  /** From the start of each process to its first unit. */
  readonly starting: number;
  /** The rest: waiting for work, and units that failed or were lost. */
  readonly waiting: number;
}

export interface RunTimes {
  /** Seconds from the first event to the last. */
  readonly seconds: number;
  /** The stages of which something was computed, in the order of the pipeline. */
  readonly stages: readonly StageTime[];
  readonly total: TimeSum;
  /** Null for array tasks of a cluster, whose number is not known. */
  readonly workers: WorkerTime | null;
  /** Units that were computed and have no times, because an earlier version of ravelin made them. */
  readonly unmeasured: number;
}

/** The events that times are summed up from. */
export const timedEvents = ['run-started', 'cell-planned', 'shard-committed', 'run-finished'] as const;

/** Sums up the times of a run's units by stage. */
export function sumTimes(events: readonly RunEvent[]): RunTimes {
  const stageOfCell = new Map<string, string>();
  const stages = new Map<string, Pick<StageTime, 'stage' | 'uses' | 'partOf'>>();
  const units = new Map<string, UnitTime[]>();
  let unmeasured = 0;
  let count = 0;
  for (const event of events) {
    if (event.type === 'run-started') count = event.workers;
    if (event.type === 'cell-planned') {
      const { cell, stage, uses, partOf } = event;
      stageOfCell.set(cell, stage);
      if (!stages.has(stage)) stages.set(stage, { stage, uses, ...(partOf !== undefined && { partOf }) });
    }
    if (event.type !== 'shard-committed' || event.reused) continue;
    const stage = stageOfCell.get(event.cell);
    if (event.time === undefined || stage === undefined) unmeasured++;
    else if (!units.get(stage)?.push(event.time)) units.set(stage, [event.time]);
  }
  const measured = [...stages.values()].flatMap((stage) => {
    const times = units.get(stage.stage);
    return times === undefined ? [] : [{ ...stage, ...sumOf(times) }];
  });
  const all = [...units.values()].flat();
  // The clock may have been set back meanwhile.
  const seconds = events.length === 0 ? 0 : Math.max(0, events.at(-1)!.at - events[0]!.at) / 1000;
  const total = sumOf(all);
  return {
    seconds,
    stages: measured,
    total,
    workers: workersOf(all, total.wall, count, seconds),
    unmeasured,
  };
}

function sumOf(times: readonly UnitTime[]): TimeSum {
  const add = (name: 'wall' | 'cpu' | keyof PhaseSeconds): number =>
    Math.round(times.reduce((sum, time) => sum + time[name], 0) * 1e6) / 1e6;
  const seconds = Object.fromEntries(phases.map((phase) => [phase, add(phase)]));
  const bytes = (name: 'fed' | 'fetched'): number => times.reduce((sum, time) => sum + (time[name] ?? 0), 0);
  const [fed, fetched] = [bytes('fed'), bytes('fetched')];
  return {
    ...{ units: times.length, wall: add('wall'), cpu: add('cpu'), ...(seconds as unknown as PhaseSeconds) },
    ...(fed + fetched > 0 && { fed, fetched }),
  };
}

function workersOf(
  times: readonly UnitTime[],
  computing: number,
  count: number,
  seconds: number,
): WorkerTime | null {
  // Workers of this machine say how long they took to start.
  if (!times.some(({ starting }) => starting !== undefined)) return null;
  const starting = times.reduce((sum, time) => sum + (time.starting ?? 0), 0);
  return { count, computing, starting, waiting: Math.max(0, count * seconds - computing - starting) };
}
