import { listRuns, pinRun, removeRun, type RunInfo } from '../../runtime/run/read-ledger.ts';
import { stateOfRun, type RunState } from '../../runtime/run/run-state.ts';
import { findCacheFolder } from '../cache-folder.ts';
import { choiceWords } from '../choices.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { eventsOfRun } from '../run-events.ts';
import { runsTime } from './runs-time.ts';
import { formatColumns, print, printJson } from '../output.ts';

interface Options {
  readonly json?: boolean;
  readonly cache?: string;
  readonly remove?: boolean;
  readonly time?: boolean;
}

export function runsList(options: Options): ExitCode {
  const cacheFolder = findCacheFolder(options.cache);
  const runs = listRuns(cacheFolder).map((info) => describe(cacheFolder, info));
  if (options.json) printJson(runs);
  else if (runs.length === 0) print('no runs yet');
  else
    print(
      formatColumns(
        runs.map((run) => [run.run, shownStatus(run), run.pipeline, run.work, run.pinned ? 'pinned' : '']),
      ),
    );
  return exitCodes.ok;
}

export function runsShow(id: string | undefined, options: Options): ExitCode {
  const cacheFolder = findCacheFolder(options.cache);
  const info = findRun(cacheFolder, id);
  if (options.time) return runsTime(info, cacheFolder, options.json === true);
  const described = describe(cacheFolder, info);
  const failures = eventsOfRun(cacheFolder, info.run, ['cell-failed']).map(({ cell, failure }) => ({
    cell,
    ...failure,
  }));
  if (options.json) {
    printJson({
      ...described,
      folder: info.folder,
      started: info.started,
      finished: info.finished,
      failures,
    });
    return exitCodes.ok;
  }
  const { run, pipeline, work } = described;
  const choices = choiceWords(info.started?.choices).trimStart();
  print(
    formatColumns([
      ['run', run],
      ['pipeline', `${pipeline} (${info.started?.file ?? '?'})`],
      ['status', shownStatus(described)],
      ['work', work],
      ...(choices === '' ? [] : [['with', choices]]),
      ['started', info.started === null ? '?' : new Date(info.started.at).toISOString()],
      [
        'on',
        `${info.started?.host ?? '?'}, ${info.started?.backend ?? '?'}, ${info.started?.workers ?? '?'} workers`,
      ],
      ['folder', info.folder],
      ...failures.map(({ cell, message }) => ['failed', `${cell}: ${message}`]),
    ]),
  );
  return exitCodes.ok;
}

export function runsRemove(ids: readonly string[], options: Options): ExitCode {
  const cacheFolder = findCacheFolder(options.cache);
  for (const info of ids.map((id) => findRun(cacheFolder, id))) {
    if (info.pinned) throw new UsageError(`${info.run} is pinned`, `ravelin runs pin --remove ${info.run}`);
    removeRun(cacheFolder, info.run);
    print(`removed ${info.run}`);
  }
  return exitCodes.ok;
}

export function runsPin(id: string, options: Options): ExitCode {
  const cacheFolder = findCacheFolder(options.cache);
  const { run } = findRun(cacheFolder, id);
  pinRun(cacheFolder, run, options.remove !== true);
  print(`${options.remove ? 'unpinned' : 'pinned'} ${run}`);
  return exitCodes.ok;
}

/** A status, and for one that this machine cannot know, why it cannot. */
function shownStatus({ status, host }: { readonly status: RunState; readonly host: string | null }): string {
  if (status !== 'unknown') return status;
  return host === null ? 'unknown (its ledger has no beginning)' : `unknown (it was on ${host})`;
}

function describe(
  cacheFolder: string,
  info: RunInfo,
): {
  readonly run: string;
  readonly status: RunState;
  readonly host: string | null;
  readonly pipeline: string;
  readonly work: string;
  readonly pinned: boolean;
} {
  const { run, started, finished, pinned } = info;
  const totals = finished?.totals;
  return {
    run,
    status: stateOfRun(cacheFolder, info),
    host: started?.host ?? null,
    pipeline: started?.pipeline ?? '?',
    work:
      totals === undefined
        ? ''
        : `${totals.ran} shards ran, ${totals.reused} reused, ${finished!.seconds.toFixed(1)} s`,
    pinned,
  };
}
