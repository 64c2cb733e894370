import { mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Profiler, Session } from 'node:inspector';
import { writeAtomic } from '../../store/durable.ts';
import { MergedProfile } from './merge-profiles.ts';
import { partialProfile } from './profile-names.ts';

/** Writing takes at most this part of the time. */
const writingShare = 1 / 20;

/** The CPU profile of this process, in a file that grows with it. */
export interface WorkerProfile {
  /** Writes what was sampled so far, unless that was done a moment ago: a process that is killed leaves this. */
  readonly keep: () => void;
}

/**
 * Samples this process from now on, a thousand times a second, and writes a `.cpuprofile` file: at once, at
 * `keep`, and when the process exits. An error in writing is passed to `report`, once, and ends the profile: what is there is then
 * named a part of one.
 */
export function profileWorker(path: string, report: (message: string) => void): WorkerProfile {
  const session = new Session();
  const merged = new MergedProfile();
  let nextAt = 0;
  let broken = false;
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.start');

  const write = (again: boolean): void => {
    if (broken) return;
    const begun = performance.now();
    try {
      // A session of the same thread answers before `post` returns.
      session.post('Profiler.stop', (_, { profile }: Profiler.StopReturnType) => merged.add(profile));
      if (again) session.post('Profiler.start');
      writeAtomic(path, merged.text());
    } catch (error) {
      broken = true;
      markPartial(path);
      report(
        `the CPU profile could not be written: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    const now = performance.now();
    nextAt = now + (now - begun) / writingShare;
  };

  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch {
    // The write that follows says why.
  }
  write(true);
  process.on('exit', () => write(false));
  return {
    keep: () => {
      if (performance.now() >= nextAt) write(true);
    },
  };
}

/** Gives what was written of a profile another name, which needs no space on a full disk. */
function markPartial(path: string): void {
  try {
    renameSync(path, partialProfile(path));
  } catch {
    // Nothing of it was written.
  }
}
