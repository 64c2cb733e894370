import type { Graph } from '../../dsl/graph.ts';
import type { BackendChange, ForeseenCell, RunEvent } from '../events.ts';
import type { Executor, TaskFailure } from '../executor.ts';
import { lastKeysPath, writeLastKeys } from '../plan/last-keys.ts';
import type { Plan, PlannedCell } from '../plan/plan.ts';
import { openClaims } from '../store/claims.ts';
import type { Store } from '../store/store.ts';
import type { RunControl } from './control.ts';
import { controlledRun } from './controlled-run.ts';
import { Dispatcher, type DispatcherParts } from './dispatcher.ts';
import { FinishedCells, type ResultReader } from './finished-cells.ts';
import { openPublisher } from './publish.ts';
import { Reporter } from './reporter.ts';
import type { RunSummary } from './reporter.ts';
import { Schedule } from './schedule.ts';
import { StopSwitch } from './stop-switch.ts';

export interface ExecuteRequest {
  readonly graph: Graph;
  /** The run changes the states in it: a plan serves one run. */
  readonly plan: Plan;
  readonly store: Store;
  readonly run: string;
  /** Name of the tensor backend, for people. */
  readonly backend: string;
  readonly workers: number;
  /** The units of each cell as far as they are known, by its index, for the ledger. */
  readonly works?: readonly (ForeseenCell | null)[];
  /** To be announced before anything runs. */
  readonly backendChange?: BackendChange | null;
  /** Called once, and only if there is something to compute. */
  readonly openExecutor: () => Promise<Executor>;
  readonly emit: (event: RunEvent) => void;
  /** Reads the results that are shown at the end. */
  readonly reader?: ResultReader;
  /** Overrides `onError` of every stage: `--keep-going`, `--fail-fast`. */
  readonly onError?: 'stop' | 'continue';
  /** Whether published files may replace files that no run with this cache has published. */
  readonly overwrite?: boolean;
  /** A secret of this machine, which signs what was published. Without one every file counts as not published. */
  readonly machineKey?: Uint8Array | null;
  /** The commands of a person to the run while it goes on. */
  readonly control?: RunControl;
  /** Once aborted, nothing is started and what runs is finished. */
  readonly drain?: AbortSignal;
  /** Once aborted, workers are killed. */
  readonly kill?: AbortSignal;
}

/**
 * Carries out a plan: computes units on the executor as their inputs become known, looks each new key up in
 * the store first, retries what failed, computes damaged inputs again, and reports everything as events. The
 * failure of a cell is an event, never an exception.
 */
export async function execute(request: ExecuteRequest): Promise<RunSummary> {
  const { graph, plan, store, run, emit } = request;
  const stopSwitch = new StopSwitch(request.drain, request.kill);
  const reporter = new Reporter({ run, cacheFolder: store.folder, emit });
  const finishedCells = new FinishedCells(openPublisher(graph, store, request), reporter, request.reader);

  const fail = (planned: PlannedCell, shard: number, failure: TaskFailure, attempts: number): void => {
    reporter.shardFailed(planned);
    if (!schedule.isActive(planned)) return;
    reporter.cellFailed(planned, shard, failure, attempts, schedule.fail(planned));
    const onError = request.onError ?? planned.settings.onError;
    if (onError === 'stop' || failure.code === 'storage') stopSwitch.stop(planned);
  };
  const schedule: Schedule = new Schedule(graph, plan, store, {
    committed: (ready, result) => reporter.committed(ready, result),
    finished: (planned) => finishedCells.add(planned),
    impossible: (planned, failure) => fail(planned, 0, failure, 0),
    recomputing: (planned, shard) => reporter.recomputing(planned, shard),
  });

  let computing: { readonly dispatcher: Dispatcher; readonly close: () => Promise<void> } | null = null;
  const dispatcher = (): Dispatcher | undefined => computing?.dispatcher;
  const disobey = request.control?.obey(controlledRun({ plan, schedule, reporter, stopSwitch, dispatcher }));

  reporter.begin(graph, plan, request);
  schedule.begin();
  for (;;) {
    if (schedule.hasReady() && !stopSwitch.isOff) {
      computing ??= await openComputing(request, { schedule, reporter, stopSwitch, fail });
      await computing.dispatcher.run();
    }
    const damaged = await finishedCells.damagedCells();
    // A person may have let failed cells be tried again while the last results were read.
    if ((damaged.length === 0 && !schedule.hasReady()) || stopSwitch.isOff) break;
    for (const { planned, digests } of damaged) schedule.recomputeOutputs(planned, digests);
  }
  disobey?.();
  if (!stopSwitch.isOff) failUnreached(plan, schedule, reporter);
  await computing?.close();
  finishedCells.close();
  saveLastKeys(request);
  return reporter.end(plan, {
    interrupted: stopSwitch.interrupted && !schedule.allFinished(),
    stopped: stopSwitch.stopped,
  });
}

/**
 * Fails the cells that the run has not come to, although nothing has failed that they need and nobody has stopped it. There are
 * none, unless ravelin has an error; it must not pass for a success.
 */
function failUnreached({ cells }: Plan, schedule: Schedule, reporter: Reporter): void {
  const failure: TaskFailure = {
    code: 'crash',
    message: 'the run has ended without computing it, because of an error in ravelin',
    fix: 'run the same command again, which keeps all results, and report the error',
  };
  for (const planned of cells) {
    if (planned !== null && schedule.isActive(planned))
      reporter.cellFailed(planned, 0, failure, 0, schedule.fail(planned));
  }
}

async function openComputing(
  { graph, plan, store, run, openExecutor, control }: ExecuteRequest,
  parts: Pick<DispatcherParts, 'schedule' | 'reporter' | 'stopSwitch' | 'fail'>,
): Promise<{ readonly dispatcher: Dispatcher; readonly close: () => Promise<void> }> {
  const executor = await openExecutor();
  const claims = openClaims(store.folder, run);
  return {
    dispatcher: new Dispatcher({
      ...{ graph, plan, store, executor, claims },
      ...parts,
      isPaused: () => control?.isPaused() === true,
    }),
    async close() {
      await executor.close();
      claims.close();
    },
  };
}

/**
 * Remembers the keys of this run, to which the next plan compares its own when it explains why a cell runs.
 */
function saveLastKeys({ graph, plan, store }: ExecuteRequest): void {
  const keys = new Map<string, readonly string[]>();
  let complete = true;
  for (const planned of plan.cells) {
    if (planned?.units.every((unit) => unit.state === 'reuse') === true) {
      keys.set(
        planned.cell.id,
        planned.units.map((unit) => unit.key!),
      );
    } else complete = false;
  }
  // If they cannot be written, the explanations of the next plan are poorer; nothing else depends on them.
  writeLastKeys(lastKeysPath(store.folder, graph), keys, complete);
}
