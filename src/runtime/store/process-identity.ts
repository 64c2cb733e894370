import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names one process for ever. A pid alone would not: pids are reused, and start over when the machine does.
 */
export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** Random number that the kernel drew at its start; null if the system has none. */
  readonly boot: string | null;
  /** Start of the process in ticks since the kernel's start; null if the system does not report it. */
  readonly started: string | null;
}

export function ownIdentity(): ProcessIdentity {
  return { host: hostname(), pid: process.pid, boot: bootId(), started: startOf(process.pid) };
}

/** Whether the process is running; null if it is on another machine, where this one cannot see it. */
export function isRunning(identity: ProcessIdentity): boolean | null {
  if (identity.host !== hostname()) return null;
  if (identity.boot !== bootId()) return false;
  return isAlive(identity.pid) && startOf(identity.pid) === identity.started;
}

/** Whether any process of this machine has this pid. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function bootId(): string | null {
  return readQuietly('/proc/sys/kernel/random/boot_id')?.trim() ?? null;
}

function startOf(pid: number): string | null {
  // The second field is the command in parentheses, which may hold spaces and parentheses: count from the
  // last one.
  const fields = readQuietly(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ');
  // A zombie has ended, though its pid is still taken.
  return fields === undefined || fields[0] === 'Z' ? null : (fields[19] ?? null);
}

function readQuietly(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
