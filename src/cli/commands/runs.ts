import { resolve } from 'node:path';
import type { RunChoices } from '../../runtime/events.ts';
import { listRuns, pinRun, removeRun, type RunInfo } from '../../runtime/run/read-ledger.ts';
import { addTags, isTag, readTags, removeTags } from '../../runtime/run/tags.ts';
import { stateOfRun, type RunState } from '../../runtime/run/run-state.ts';
import { cacheFolderOf, findCacheFolder } from '../cache-folder.ts';
import { isPipelineFile } from '../command-words.ts';
import { DamagedResultsError } from '../damaged-results.ts';
import { choiceWords, formatDuration, plural } from '../../dashboard/format.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { StoreError } from '../../runtime/store/errors.ts';
import { failuresOfRun } from '../run-events.ts';
import { readRunCells, scoreColumns, shortScore } from '../run-results.ts';
import { changedParams, shown } from '../run-params.ts';
import { counted } from '../../values/counted.ts';
import type { JsonObject } from '../../values/json.ts';
import { runsTime } from './runs-time.ts';
import { formatColumns, print, printJson } from '../output.ts';

interface Options {
  readonly json?: boolean;
  readonly cache?: string;
  readonly remove?: boolean;
  readonly time?: boolean;
}

/** Lists the runs of a cache, or of one pipeline, with one number of their scores if `metric` names one. */
export async function runsList(
  options: Options & { readonly pipeline?: string; readonly metric?: string },
): Promise<ExitCode> {
  const cacheFolder = cacheFor(options);
  const infos = listRuns(cacheFolder).filter((info) => isOf(info, options.pipeline));
  const runs = infos.map((info) => describe(cacheFolder, info));
  const { metric } = options;
  const values =
    metric === undefined
      ? null
      : await Promise.all(infos.map(({ run }) => valuesOf(cacheFolder, run, metric)));
  requireMetric(values, metric);
  if (options.json)
    printJson(values === null ? runs : runs.map((run, index) => ({ ...run, [metric!]: values[index]! })));
  else if (runs.length === 0)
    print(options.pipeline === undefined ? 'no runs yet' : `no runs of ${options.pipeline} yet`);
  else {
    const rows = runs.map((run, index) => [
      run.run,
      shownStatus(run),
      run.pipeline,
      localTime(run.startedAt),
      run.seconds === null ? '' : formatDuration(run.seconds),
      run.work,
      ...(values === null ? [] : [shownValues(values[index]!)]),
      choiceWords(run.choices ?? undefined).trimStart(),
      changesSince(infos, index).join(', '),
      run.revision?.slice(0, 8) ?? '',
      [...(run.pinned ? ['pinned'] : []), ...run.tags].join(' '),
    ]);
    const heads = [
      'run',
      'status',
      'pipeline',
      'started',
      'took',
      'work',
      ...(values ? [metric!] : []),
      'with',
      'changed',
      'revision',
      'tags',
    ];
    const used = heads.map((_, column) => column < 3 || rows.some((row) => row[column] !== ''));
    print(formatColumns([heads, ...rows].map((row) => row.filter((_, column) => used[column]))));
  }
  return exitCodes.ok;
}

/** How the params of a run differ from those of the run of the same file before it. */
function changesSince(infos: readonly RunInfo[], index: number): readonly string[] {
  const own = infos[index]!.started;
  if (own === null) return [];
  const before = infos.slice(0, index).findLast(({ started }) => started?.file === own.file)?.started;
  return changedParams(before?.params, own.params);
}

/** A file of a pipeline has its own cache. */
function cacheFor({ pipeline, cache }: { readonly pipeline?: string; readonly cache?: string }): string {
  return pipeline !== undefined && isPipelineFile(pipeline)
    ? cacheFolderOf(pipeline, cache)
    : findCacheFolder(cache);
}

/** Whether a run is of the pipeline with this name or file. */
function isOf({ started }: RunInfo, pipeline: string | undefined): boolean {
  if (pipeline === undefined) return true;
  if (started === null) return false;
  return started.pipeline === pipeline || (isPipelineFile(pipeline) && started.file === resolve(pipeline));
}

/** The values of a number in the rows of a run; null if they cannot be read, because the cache has lost them. */
async function valuesOf(cacheFolder: string, run: string, name: string): Promise<readonly number[] | null> {
  try {
    const lost: string[] = [];
    const cells = await readRunCells(cacheFolder, run, (sentence) => lost.push(sentence));
    if (lost.length > 0) return null;
    return cells.flatMap(({ scores }) =>
      scores.flatMap(({ values }) => (typeof values[name] === 'number' ? [values[name]] : [])),
    );
  } catch (error) {
    if (error instanceof DamagedResultsError || error instanceof StoreError) return null;
    throw error;
  }
}

function requireMetric(
  values: readonly (readonly number[] | null)[] | null,
  metric: string | undefined,
): void {
  if (values === null || values.length === 0 || values.some((of) => of === null || of.length > 0)) return;
  throw new UsageError(
    `no run has a score named '${metric!}'`,
    "'ravelin metrics' shows the scores of a run",
  );
}

/** One number as it is; of several, the least and the greatest. */
function shownValues(values: readonly number[] | null): string {
  if (values === null) return '?';
  const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => value.toPrecision(4));
  return values.length === 0
    ? ''
    : values.length === 1
      ? low!
      : `${low!} to ${high!} (${values.length} rows)`;
}

/** `2026-11-28 14:05`, in the time zone of the user. */
function localTime(iso: string | null): string {
  if (iso === null) return '?';
  const time = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${two(time.getHours())}:${two(time.getMinutes())}`;
}

export async function runsShow(
  id: string | undefined,
  options: Options & { readonly params?: boolean; readonly scores?: boolean },
): Promise<ExitCode> {
  const cacheFolder = findCacheFolder(options.cache);
  const info = findRun(cacheFolder, id);
  if (options.time) return runsTime(info, cacheFolder, options.json === true);
  const described = describe(cacheFolder, info);
  const failures = failuresOfRun(cacheFolder, info.run).map(({ cell, failure }) => ({ cell, ...failure }));
  if (options.json) {
    const scores = options.scores
      ? scoreColumns((await readRunCells(cacheFolder, info.run)).flatMap((cell) => cell.scores))
      : null;
    printJson({
      ...described,
      ...(scores !== null && { scores }),
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
      ['started', described.startedAt ?? '?'],
      ...(described.seconds === null ? [] : [['took', formatDuration(described.seconds)]]),
      ...(described.revision === null ? [] : [['revision', described.revision]]),
      ...(described.tags.length === 0 ? [] : [['tags', described.tags.join(' ')]]),
      [
        'on',
        `${info.started?.host ?? '?'}, ${info.started?.backend ?? '?'}, ${info.started === null ? '? workers' : counted(info.started.workers, 'worker')}`,
      ],
      ['folder', info.folder],
      ...failures.map(({ cell, message }) => ['failed', `${cell}: ${message}`]),
    ]),
  );
  if (options.params) print(`\n${paramsText(described.params)}`);
  if (options.scores) print(`\n${await scoresText(cacheFolder, info.run)}`);
  return exitCodes.ok;
}

function paramsText(params: JsonObject | null): string {
  return params === null
    ? 'the ledger of this run has no params'
    : formatColumns([
        ['param', 'value'],
        ...Object.entries(params).map(([name, value]) => [name, shown(value)]),
      ]);
}

/** The accuracy of each row of scores, or the first number of a row without one. */
async function scoresText(cacheFolder: string, run: string): Promise<string> {
  const cells = await readRunCells(cacheFolder, run);
  const rows = cells.flatMap(({ scores }) => scores.map(shortScore));
  return rows.length === 0 ? 'this run has no scores' : formatColumns(rows);
}

/** Gives a run names, by which other commands find it, or takes them away. */
export function runsTag(id: string, names: readonly string[], options: Options): ExitCode {
  const cacheFolder = findCacheFolder(options.cache);
  const wrong = names.find((name) => !isTag(name));
  if (wrong !== undefined)
    throw new UsageError(
      `'${wrong}' cannot be a tag`,
      'begin it with a letter, and use letters, digits, dots and dashes only, at most 40',
    );
  const { run, folder } = findRun(cacheFolder, id);
  if (names.length > 0) (options.remove === true ? removeTags : addTags)(cacheFolder, run, names);
  const next = readTags(folder);
  print(next.length === 0 ? `${run} has no tags` : `${run}: ${next.join(' ')}`);
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
  /** Null while it runs, and for ever if it was killed. */
  readonly seconds: number | null;
  readonly pinned: boolean;
  readonly tags: readonly string[];
  /** The commit of the pipeline's repository; null if it is not known. */
  readonly revision: string | null;
  readonly params: JsonObject | null;
  /** The time as ISO 8601; null if it is not known. */
  readonly startedAt: string | null;
  readonly choices: RunChoices | null;
} {
  const { run, started, finished, pinned } = info;
  const totals = finished?.totals;
  return {
    run,
    status: stateOfRun(cacheFolder, info),
    host: started?.host ?? null,
    pipeline: started?.pipeline ?? '?',
    work: totals === undefined ? '' : `${plural(totals.ran, 'shard')} ran, ${totals.reused} reused`,
    seconds: finished?.seconds ?? null,
    pinned,
    tags: info.tags,
    revision: started?.revision ?? null,
    params: started?.params ?? null,
    // A damaged ledger may have a number that is not a time.
    startedAt:
      started === null || !(Math.abs(started.at) <= 8.64e15) ? null : new Date(started.at).toISOString(),
    choices: started?.choices ?? null,
  };
}
