import { existsSync } from 'node:fs';
import { logPath } from '../runtime/run/ledger.ts';

/** Finds the log file of a cell of a run; null if the cell has printed nothing. */
export function logsOfRun(cacheFolder: string, run: string): (cell: string) => string | null {
  return (cell) => {
    const path = logPath(cacheFolder, run, cell);
    return existsSync(path) ? path : null;
  };
}
