import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { randomBytes } from 'node:crypto';
import { sha256 } from '../digest.ts';
import type { RunEvent } from '../events.ts';
import { writeAll } from '../store/durable.ts';
import { toStoreError } from '../store/errors.ts';
import type { StoreError } from '../store/errors.ts';

/**
 * Writes the events of one run down as they come: `.ravelin/runs/<id>/events.jsonl`,
 * one JSON object in each line.
 */
export interface Ledger {
  readonly run: string;
  readonly folder: string;
  readonly append: (event: RunEvent) => void;
  /** Returns null, or why the last events could not be kept. */
  readonly close: () => StoreError | null;
}

const flushMs = 200;
const flushBytes = 1 << 20;

/**
 * A new id such as `20261122-200514-083-9a1c`: the time in UTC, so that
 * ids sort by time, and a random number.
 */
export function newRunId(now = new Date()): string {
  const time = now.toISOString().replaceAll(/[-:Z]/g, '').replaceAll(/[T.]/g, '-');
  return `${time}-${randomBytes(2).toString('hex')}`;
}

export function runFolder(cacheFolder: string, run: string): string {
  return `${cacheFolder}/runs/${run}`;
}

/** Path of a cell's log in a run: the name of the cell, as far as file systems allow it. */
export function logPath(cacheFolder: string, run: string, cell: string): string {
  const safe = cell.replaceAll(/[^\w.=,[\]-]/g, '_').slice(0, 120);
  return `${runFolder(cacheFolder, run)}/logs/${safe === cell ? cell : `${safe}-${sha256(cell).slice(0, 8)}`}.log`;
}

/** Adds to a log. If that fails, the work goes on: the store will report what is wrong with the disk. */
export function appendLog(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    appendFileSync(path, text);
  } catch {
    // See above.
  }
}

/**
 * Creates the run's folder and opens its ledger. Lines are buffered for at most 200 ms; `close` makes them
 * durable, and the first is written at once. If the disk is full they wait in memory, so that the run ends in its own way; `close` then returns
 * what was lost. Throws `StoreError` if the ledger cannot be opened.
 */
export function openLedger(cacheFolder: string, run: string): Ledger {
  const folder = runFolder(cacheFolder, run);
  const path = `${folder}/events.jsonl`;
  let file: number;
  try {
    mkdirSync(folder, { recursive: true });
    file = openSync(path, 'a');
  } catch (error) {
    throw toStoreError(error, folder);
  }
  let lines: string[] = [];
  let size = 0;
  let unwritten: Uint8Array = new Uint8Array(0);
  let begun = false;
  let closed = false;
  /** Writes all lines that there are. Returns null, or why it could not. */
  const flush = (): StoreError | null => {
    unwritten = Buffer.concat([unwritten, Buffer.from(lines.join(''))]);
    lines = [];
    size = 0;
    try {
      writeAll(file, unwritten, 'event', (done) => (unwritten = unwritten.subarray(done)));
      return null;
    } catch (error) {
      return toStoreError(error, path, unwritten.length);
    }
  };
  let timer: NodeJS.Timeout | null = null;
  return {
    run,
    folder,
    append(event) {
      if (closed) return;
      const isFirst = !begun;
      begun = true;
      const line = `${JSON.stringify(event)}\n`;
      lines.push(line);
      size += line.length;
      // The first line says what the run is, which is of use even if the run is killed at once.
      if (isFirst || size > flushBytes) flush();
      timer ??= setTimeout(() => {
        timer = null;
        flush();
      }, flushMs).unref();
    },
    close() {
      if (closed) return null;
      closed = true;
      if (timer !== null) clearTimeout(timer);
      let failure = flush();
      try {
        fsyncSync(file);
      } catch (error) {
        failure ??= toStoreError(error, path);
      }
      closeSync(file);
      if (!begun) rmSync(folder, { recursive: true, force: true });
      return failure;
    },
  };
}

/** Reads the events of a run in order. A last line that a kill cut short is left out. */
export function readLedger(cacheFolder: string, run: string): RunEvent[] {
  return parseEvents(readFileSync(`${runFolder(cacheFolder, run)}/events.jsonl`, 'utf8'));
}

/** Parses the complete lines of a ledger's text; others are left out. */
export function parseEvents(text: string): RunEvent[] {
  const events: RunEvent[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    try {
      events.push(JSON.parse(line) as RunEvent);
    } catch {
      // The line was cut short by a kill, or is still being written.
    }
  }
  return events;
}

type Started = Extract<RunEvent, { type: 'run-started' }>;
type Finished = Extract<RunEvent, { type: 'run-finished' }>;

export interface RunInfo {
  readonly run: string;
  readonly folder: string;
  readonly pinned: boolean;
  /** Null if the run was killed before its first line was written. */
  readonly started: Started | null;
  /** Null while it runs, and for ever if it was killed. */
  readonly finished: Finished | null;
}

/** Lists all runs of a cache, oldest first. Only the two ends of each ledger are read. */
export function listRuns(cacheFolder: string): RunInfo[] {
  return runIds(cacheFolder).map((run) => readRunInfo(cacheFolder, run));
}

export function latestRun(cacheFolder: string): RunInfo | null {
  const run = runIds(cacheFolder).at(-1);
  return run === undefined ? null : readRunInfo(cacheFolder, run);
}

function runIds(cacheFolder: string): string[] {
  try {
    return readdirSync(`${cacheFolder}/runs`)
      .filter((name) => hasBegun(`${cacheFolder}/runs/${name}/events.jsonl`))
      .sort();
  } catch {
    return [];
  }
}

/** A run that was killed before its first event is none: nothing is known of it. */
function hasBegun(ledger: string): boolean {
  return (statSync(ledger, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

export function readRunInfo(cacheFolder: string, run: string): RunInfo {
  const folder = runFolder(cacheFolder, run);
  const [head, tail] = readEnds(`${folder}/events.jsonl`);
  const first = parseEvents(head)[0];
  const last = parseEvents(tail).at(-1);
  return {
    run,
    folder,
    pinned: existsSync(`${folder}/pin`),
    started: first?.type === 'run-started' ? first : null,
    finished: last?.type === 'run-finished' ? last : null,
  };
}

function readEnds(path: string): [head: string, tail: string] {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const length = Math.min(size, 8_192);
    const read = (position: number): string => {
      const buffer = Buffer.alloc(length);
      return buffer.toString('utf8', 0, readSync(file, buffer, 0, length, position));
    };
    const head = read(0);
    return [head, size <= length ? head : read(size - length)];
  } finally {
    closeSync(file);
  }
}

/** Removes a run's ledger and logs; its results stay in the cache. */
export function removeRun(cacheFolder: string, run: string): void {
  rmSync(runFolder(cacheFolder, run), { recursive: true });
}

/** A pinned run keeps its results from garbage collection, and itself from `runs rm`. */
export function pinRun(cacheFolder: string, run: string, pinned: boolean): void {
  const path = `${runFolder(cacheFolder, run)}/pin`;
  if (pinned) writeFileSync(path, '');
  else rmSync(path, { force: true });
}

/**
 * Keys of all commit records of a run's finished cells, and of the shards
 * that it committed before it was stopped.
 */
export function keysOfRun(cacheFolder: string, run: string): string[] {
  return readLedger(cacheFolder, run).flatMap((event) => {
    if (event.type === 'cell-finished') return event.keys;
    return event.type === 'shard-committed' ? [event.key] : [];
  });
}
