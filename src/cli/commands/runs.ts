import { listRuns, pinRun, readLedger, removeRun, type RunInfo } from '../../runtime/run/ledger.ts';
import { findCacheFolder } from '../cache-folder.ts';
import { choiceWords } from '../choices.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { isAlive } from '../../runtime/store/process-identity.ts';
import { findRun } from '../find-run.ts';
import { runsTime } from './runs-time.ts';
import { formatColumns, print, printJson } from '../output.ts';

interface Options {
  readonly json?: boolean;
  readonly cache?: string;
  readonly remove?: boolean;
  readonly time?: boolean;
}

export function runsList(options: Options): ExitCode {
  const runs = listRuns(findCacheFolder(options.cache));
  if (options.json) printJson(runs.map(describe));
  else if (runs.length === 0) print('no runs yet');
  else
    print(
      formatColumns(
        runs
          .map(describe)
          .map((run) => [run.run, run.status, run.pipeline, run.work, run.pinned ? 'pinned' : '']),
      ),
    );
  return exitCodes.ok;
}

export function runsShow(id: string | undefined, options: Options): ExitCode {
  const cacheFolder = findCacheFolder(options.cache);
  const info = findRun(cacheFolder, id);
  if (options.time) return runsTime(info, cacheFolder, options.json === true);
  const failures = readLedger(cacheFolder, info.run).flatMap((event) =>
    event.type === 'cell-failed' ? [{ cell: event.cell, ...event.failure }] : [],
  );
  if (options.json) {
    printJson({
      ...describe(info),
      folder: info.folder,
      started: info.started,
      finished: info.finished,
      failures,
    });
    return exitCodes.ok;
  }
  const { run, status, pipeline, work } = describe(info);
  const choices = choiceWords(info.started?.choices).trimStart();
  print(
    formatColumns([
      ['run', run],
      ['pipeline', `${pipeline} (${info.started?.file ?? '?'})`],
      ['status', status],
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

function describe({ run, started, finished, pinned }: RunInfo): {
  readonly run: string;
  readonly status: string;
  readonly pipeline: string;
  readonly work: string;
  readonly pinned: boolean;
} {
  const totals = finished?.totals;
  return {
    run,
    status: finished?.status ?? (started !== null && isAlive(started.pid) ? 'running' : 'killed'),
    pipeline: started?.pipeline ?? '?',
    work:
      totals === undefined
        ? ''
        : `${totals.ran} shards ran, ${totals.reused} reused, ${finished!.seconds.toFixed(1)} s`,
    pinned,
  };
}
