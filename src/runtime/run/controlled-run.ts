import type { TaskFailure } from '../executor.ts';
import type { Plan, PlannedCell } from '../plan/plan.ts';
import type { ControlledRun } from './control.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Reporter } from './reporter.ts';
import type { Schedule } from './schedule.ts';
import type { StopSwitch } from './stop-switch.ts';

export interface ControlledParts {
  readonly plan: Plan;
  readonly schedule: Schedule;
  readonly reporter: Reporter;
  readonly stopSwitch: StopSwitch;
  /** Undefined until there is something to compute. */
  readonly dispatcher: () => Dispatcher | undefined;
}

/** Carries out the commands of a person to a run that goes on. */
export function controlledRun(parts: ControlledParts): ControlledRun {
  const { plan, reporter, dispatcher } = parts;
  const find = (id: string): PlannedCell | null =>
    plan.cells.find((candidate) => candidate?.cell.id === id) ?? null;
  return {
    pause: (paused) => {
      reporter.paused(paused);
      dispatcher()?.resume();
    },
    cancel: (id) => {
      const planned = find(id);
      return planned === null ? `there is no cell ${id}` : cancel(planned, parts);
    },
    retry: (ids) => {
      const cells = ids.map(find);
      const unknown = cells.indexOf(null);
      return unknown >= 0 ? `there is no cell ${ids[unknown]}` : retry(cells as PlannedCell[], parts);
    },
  };
}

/** Cancels a cell, what waits for it, and the parts that serve nothing else. */
function cancel(planned: PlannedCell, { schedule, reporter, dispatcher }: ControlledParts): string | null {
  if (!schedule.isActive(planned)) return `${planned.cell.id} has ended already`;
  const failure: TaskFailure = { code: 'cancelled', message: 'it was cancelled' };
  reporter.cellFailed(planned, 0, failure, 0, schedule.fail(planned));
  const parts = schedule.releaseParts(planned);
  for (const part of parts) reporter.cellSkipped(part);
  dispatcher()?.cancel([planned, ...parts]);
  return null;
}

function retry(
  cells: readonly PlannedCell[],
  { plan, schedule, reporter, stopSwitch, dispatcher }: ControlledParts,
): string | null {
  if (stopSwitch.interrupted) return 'the run is about to end';
  const failed = cells.filter((planned) => schedule.hasFailed(planned));
  const [first] = cells;
  if (failed.length === 0)
    return first === undefined ? 'nothing has failed' : `${first.cell.id} has not failed`;
  // The plan found that it cannot be computed, and only another plan can find something else.
  const impossible = failed.find(({ failure }) => failure !== null);
  if (impossible !== undefined)
    return `${impossible.cell.id} cannot be computed in this run; run again once its cause is gone`;
  const skipped = plan.cells.filter((planned) => planned !== null && schedule.isUnneeded(planned));
  const again = schedule.retry(failed);
  const others = again.length - failed.filter((planned) => schedule.isActive(planned)).length;
  failed.forEach((planned, index) => {
    stopSwitch.forgive(planned);
    reporter.cellRetried(planned, index === 0 ? others : 0);
  });
  for (const part of skipped) if (schedule.isActive(part!)) reporter.cellRetried(part!, 0);
  // They may fail again at once, which comes after the events above.
  schedule.takeUp(again);
  dispatcher()?.retry(again);
  return null;
}
