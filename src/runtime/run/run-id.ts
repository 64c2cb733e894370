import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';

const shape = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-(\d{3})-[0-9a-f]{4}$/;
/** The last time that an id can hold, with a year to spare. */
const mostMs = Date.UTC(9998, 0);

/**
 * A new id such as `20261122-200514-083-9a1c`: the time in UTC and a random number. Ids sort by the order in which
 * the runs began. The clock alone would not do that, because it may have been wrong, or be another host's: where
 * it is not after the latest run of the cache, the id is one millisecond after that one's.
 */
export function newRunId(cacheFolder: string, now = new Date()): string {
  const latest = runNames(cacheFolder).findLast(isDated);
  const after = latest === undefined ? 0 : timeOf(latest)! + 1;
  const time = new Date(Math.max(now.getTime(), after));
  const digits = time.toISOString().replaceAll(/[-:Z]/g, '').replaceAll(/[T.]/g, '-');
  return `${digits}-${randomBytes(2).toString('hex')}`;
}

/** Names of the folders of all runs, in the order in which these began. Names that are not ids come first. */
export function runNames(cacheFolder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(`${cacheFolder}/runs`).sort();
  } catch {
    return [];
  }
  return [...names.filter((name) => !isDated(name)), ...names.filter(isDated)];
}

function isDated(name: string): boolean {
  return timeOf(name) !== undefined;
}

function timeOf(name: string): number | undefined {
  const match = shape.exec(name);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second, ms] = match.slice(1, 8).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const time = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  return time < mostMs ? time : undefined;
}
