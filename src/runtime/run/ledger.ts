import { appendFileSync, closeSync, fsyncSync, mkdirSync, openSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { sha256 } from '../digest.ts';
import type { RunEvent } from '../events.ts';
import { writeAll } from '../store/durable.ts';
import { toStoreError } from '../store/errors.ts';
import type { StoreError } from '../store/errors.ts';
import { checkedLine } from './ledger-line.ts';

/**
 * Writes the events of one run down as they come: `.ravelin/runs/<id>/events.jsonl`,
 * one JSON object in each line, with its checksum.
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

export function runFolder(cacheFolder: string, run: string): string {
  return `${cacheFolder}/runs/${run}`;
}

/** The name of a cell with `_` for each character that file systems or shells may not take in the name of a file. */
export function safeCellName(cell: string): string {
  return cell.replaceAll(/[^\w.=,[\]-]/g, '_');
}

/** Path of a cell's log in a run: the name of the cell, as far as file systems allow it. */
export function logPath(cacheFolder: string, run: string, cell: string): string {
  const safe = safeCellName(cell).slice(0, 120);
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
 * Creates the run's folder and opens its ledger. The first event is written at once, so that there is no ledger
 * without a beginning; the lines after it are buffered for at most 200 ms, and `close` makes them durable. If the
 * disk is full they wait in memory, so that the run ends in its own way; `close` then returns what was lost. Throws
 * `StoreError` if the folder cannot be created.
 */
export function openLedger(cacheFolder: string, run: string): Ledger {
  const folder = runFolder(cacheFolder, run);
  const path = `${folder}/events.jsonl`;
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw toStoreError(error, folder);
  }
  let file: number | null = null;
  let lines: string[] = [];
  let size = 0;
  let unwritten: Uint8Array = new Uint8Array(0);
  let closed = false;
  /** Writes all lines that there are. Returns null, or why it could not. */
  const flush = (): StoreError | null => {
    if (lines.length === 0 && unwritten.length === 0) return null;
    unwritten = Buffer.concat([unwritten, Buffer.from(lines.join(''))]);
    lines = [];
    size = 0;
    try {
      file ??= openSync(path, 'a');
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
      const line = `${checkedLine(JSON.stringify(event))}\n`;
      lines.push(line);
      size += line.length;
      if (size > flushBytes || file === null) flush();
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
      if (file === null) {
        // Nothing was to be written down: the run ended before it began.
        if (failure === null) removeIfEmpty(folder);
        return failure;
      }
      try {
        fsyncSync(file);
      } catch (error) {
        failure ??= toStoreError(error, path);
      }
      closeSync(file);
      return failure;
    },
  };
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Something is in it after all.
  }
}

/** The ledger of a run that has nothing to write down, in a cache that cannot be written to: it keeps nothing. */
export function unkeptLedger(cacheFolder: string, run: string): Ledger {
  return { run, folder: runFolder(cacheFolder, run), append: () => undefined, close: () => null };
}
