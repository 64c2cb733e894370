import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import type { RunEvent } from '../../src/runtime/events.ts';

/** A run in a process group of its own whose events a test follows, so that it acts at a moment of the run and not of the clock. */
export interface ConductedChild {
  readonly pid: number;
  /** Resolves to the exit code, or to null after a signal. */
  readonly ended: Promise<number | null>;
  /** What stderr said since the last pattern of `says`, for the message of an assertion. */
  readonly said: () => string;
  /** Resolves to the first event, from the start of the run, for which `is` holds; rejects if the run ends without one. */
  readonly event: (is: (event: RunEvent, index: number) => boolean) => Promise<RunEvent>;
  /**
   * Resolves when stderr has said this since the last call; rejects if the run ends first. What was said up to there does not count
   * for the next call.
   */
  readonly says: (pattern: RegExp) => Promise<void>;
  /** Resolves like the promise; rejects if the run ends first, because what it waits for will then never come. */
  readonly unlessEnded: <T>(promise: Promise<T>) => Promise<T>;
  /** Sends a signal to the first process alone. */
  readonly signal: (name: NodeJS.Signals) => void;
  /** Ends it and all its children. */
  readonly kill: () => void;
}

export interface ConductOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** How stdout is read; `ignored` also where it holds something else than events. */
  readonly stdout?: 'events' | 'ignored';
}

/** Starts Node with these parameters, and ends it after the test at the latest. */
export function conduct(
  parameters: readonly string[],
  { cwd, env, stdout = 'events' }: ConductOptions = {},
): ConductedChild {
  const child = spawn(process.execPath, parameters, {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['ignore', stdout === 'events' ? 'pipe' : 'ignore', 'pipe'],
  });
  const events: RunEvent[] = [];
  let said = '';
  const looks = new Set<() => void>();
  const lookAgain = (): void => looks.forEach((look) => look());
  if (child.stdout !== null)
    createInterface({ input: child.stdout }).on('line', (line) => {
      events.push(JSON.parse(line) as RunEvent);
      lookAgain();
    });
  child.stderr!.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    lookAgain();
  });

  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const closed = new Promise<never>((_, reject) =>
    // Later than `exit`: what was written before has been read.
    child.once('close', () => reject(new Error(`the run ended first; it said: ${said}`))),
  );
  closed.catch(() => undefined);
  /** Resolves to what `find` finds, now or after more of the output. */
  const first = <T>(find: () => T | undefined): Promise<T> => {
    const found = new Promise<T>((resolve) => {
      const look = (): void => {
        const result = find();
        if (result === undefined) return;
        looks.delete(look);
        resolve(result);
      };
      looks.add(look);
      look();
    });
    return Promise.race([found, closed]);
  };
  const kill = (): void => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // It had ended already.
    }
  };
  onTestFinished(kill);
  return {
    pid: child.pid!,
    ended,
    said: () => said,
    event: (is) => {
      let index = 0;
      return first(() => {
        for (; index < events.length; index++) if (is(events[index]!, index)) return events[index];
        return undefined;
      });
    },
    says: (pattern) =>
      first(() => {
        const match = pattern.exec(said);
        if (match === null) return undefined;
        said = said.slice(match.index + match[0].length);
        return true;
      }).then(() => undefined),
    unlessEnded: (promise) => Promise.race([promise, closed]),
    signal: (name) => child.kill(name),
    kill,
  };
}
