import { closeSync, existsSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { toUserError } from '../../files/file-error.ts';
import type { RunEvent } from '../events.ts';
import { StoreError, toStoreError } from '../store/errors.ts';
import { runFolder } from './ledger.ts';
import { isCheckedLine } from './ledger-line.ts';
import { beginsLikeEvent, parseEvent } from './parse-event.ts';
import { openLines, type LineReader } from './read-lines.ts';
import { runNames } from './run-id.ts';
import { readTags } from './tags.ts';

type Type = RunEvent['type'];
type EventOf<T extends Type> = Extract<RunEvent, { type: T }>;

/**
 * Yields the events of a run in order, or only those of some types, which costs far less. Lines that are not events
 * are left out; `onDamage` is called for each, but not for a last line that a kill cut short. Throws `StoreError`
 * if the ledger cannot be read at all.
 */
export function* readLedger<T extends Type = Type>(
  cacheFolder: string,
  run: string,
  types?: readonly T[],
  onDamage: () => void = () => undefined,
): Generator<EventOf<T>> {
  const path = ledgerPath(cacheFolder, run);
  const marks = types?.map((type) => `"${type}"`);
  const isWanted = (event: RunEvent): event is EventOf<T> =>
    (types as readonly Type[] | undefined)?.includes(event.type) !== false;
  const wanted = (line: string): EventOf<T> | null => {
    if (marks?.some((mark) => line.includes(mark)) === false && beginsLikeEvent(line)) return null;
    const event = parseEvent(line);
    // A line with a checksum that begins otherwise is an event of a later version.
    if (event === null && line !== '' && (beginsLikeEvent(line) || !isCheckedLine(line))) onDamage();
    return event !== null && isWanted(event) ? inPlace(event, cacheFolder) : null;
  };
  let lines: LineReader;
  try {
    lines = openLines(path);
  } catch (error) {
    throw unreadableLedger(run, path, error);
  }
  try {
    for (const line of lines.next()) {
      const event = wanted(line);
      if (event !== null) yield event;
    }
    const last = parseEvent(lines.rest());
    if (last !== null && isWanted(last)) yield inPlace(last, cacheFolder);
  } catch (error) {
    throw isOfDisk(error) ? unreadableLedger(run, path, error) : error;
  } finally {
    lines.close();
  }
}

/** The event as it is, but for the beginning of a run: it names the pipeline where it is now, if the project was moved or copied. */
function inPlace<Event extends RunEvent>(event: Event, cacheFolder: string): Event {
  if (event.type !== 'run-started' || event.fileFromCache === undefined) return event;
  const file = resolve(cacheFolder, event.fileFromCache);
  return file !== event.file && existsSync(file) ? { ...event, file } : event;
}

/** A ledger that cannot be read at all, and what to do. */
export function unreadableLedger(run: string, path: string, error: unknown): StoreError {
  const problem = toUserError(error, path);
  const detail = problem?.message ?? String(error);
  const fix = `repair the file, or remove the run with 'ravelin runs rm ${run}'; its results stay`;
  return new StoreError('io', `the ledger of run ${run} cannot be read: ${detail}`, path, error, fix);
}

/** Whether an error is of reading, and not one of who reads the events. */
function isOfDisk(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).syscall === 'read';
}

export interface RunInfo {
  readonly run: string;
  readonly folder: string;
  readonly pinned: boolean;
  /** Names that people gave it, in the order of the alphabet. */
  readonly tags: readonly string[];
  /** Null if the beginning of the ledger is missing or cannot be read. */
  readonly started: EventOf<'run-started'> | null;
  /** Null while it runs, and for ever if it was killed. */
  readonly finished: EventOf<'run-finished'> | null;
}

/** Lists all runs of a cache in the order in which they began. Only the two ends of each ledger are read. */
export function listRuns(cacheFolder: string): RunInfo[] {
  return runNames(cacheFolder)
    .filter((run) => hasLedger(cacheFolder, run))
    .map((run) => readRunInfo(cacheFolder, run));
}

/** The run of a cache, or of one of its pipelines (by the absolute path of its file), that began last. */
export function latestRun(cacheFolder: string, file?: string): RunInfo | null {
  const names = runNames(cacheFolder).filter((run) => hasLedger(cacheFolder, run));
  for (let at = names.length - 1; at >= 0; at--) {
    const info = readRunInfo(cacheFolder, names[at]!);
    if (file === undefined || info.started?.file === file) return info;
  }
  return null;
}

function ledgerPath(cacheFolder: string, run: string): string {
  return `${runFolder(cacheFolder, run)}/events.jsonl`;
}

function hasLedger(cacheFolder: string, run: string): boolean {
  // A run that was killed before its first event is none: nothing is known of it.
  const stat = statSync(ledgerPath(cacheFolder, run), { throwIfNoEntry: false });
  return stat !== undefined && (!stat.isFile() || stat.size > 0);
}

/** Reads the two ends of a ledger. It never fails: what cannot be read is absent. */
export function readRunInfo(cacheFolder: string, run: string): RunInfo {
  const folder = runFolder(cacheFolder, run);
  const [head, tail] = readEnds(ledgerPath(cacheFolder, run));
  const events = (text: string): RunEvent[] =>
    text.split('\n').flatMap((line) => {
      const event = parseEvent(line);
      return event === null ? [] : [inPlace(event, cacheFolder)];
    });
  const started = events(head).find((event) => event.type === 'run-started');
  const finished = events(tail).findLast((event) => event.type === 'run-finished');
  return {
    run,
    folder,
    pinned: existsSync(`${folder}/pin`),
    tags: readTags(folder),
    started: started ?? null,
    finished: finished ?? null,
  };
}

const endBytes = 16_384;

function readEnds(path: string): readonly [head: string, tail: string] {
  try {
    // To open a named pipe would wait for a writer.
    const stat = statSync(path);
    if (!stat.isFile()) return ['', ''];
    const { size } = stat;
    const file = openSync(path, 'r');
    try {
      const length = Math.min(size, endBytes);
      const read = (position: number): string => {
        const buffer = Buffer.alloc(length);
        return buffer.toString('utf8', 0, readSync(file, buffer, 0, length, position));
      };
      const head = read(0);
      return [head, size <= length ? head : read(size - length)];
    } finally {
      closeSync(file);
    }
  } catch {
    return ['', ''];
  }
}

/** Removes a run's ledger and logs; its results stay in the cache. Throws `StoreError` if that fails. */
export function removeRun(cacheFolder: string, run: string): void {
  const folder = runFolder(cacheFolder, run);
  try {
    rmSync(folder, { recursive: true });
  } catch (error) {
    throw toStoreError(error, folder);
  }
}

/**
 * A pinned run keeps its results from garbage collection, and itself from `runs rm`. Throws `StoreError` if the
 * cache cannot be written to.
 */
export function pinRun(cacheFolder: string, run: string, pinned: boolean): void {
  const path = `${runFolder(cacheFolder, run)}/pin`;
  try {
    if (pinned) writeFileSync(path, '');
    else rmSync(path, { force: true });
  } catch (error) {
    throw toStoreError(error, path);
  }
}

/**
 * Keys of all commit records of a run's finished cells, and of the shards
 * that it committed before it was stopped.
 */
export function keysOfRun(cacheFolder: string, run: string): string[] {
  const keys: string[] = [];
  for (const event of readLedger(cacheFolder, run, ['cell-finished', 'shard-committed'])) {
    if (event.type === 'shard-committed') keys.push(event.key);
    else for (const key of event.keys) keys.push(key);
  }
  return keys;
}
