import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { createTerminalScreen } from './screen.ts';

/** A command in a pseudo-terminal of its own, as a person at a keyboard has it. */
export interface Terminal {
  /** Resolves when a line of the terminal has matched; rejects if the command ends first. */
  readonly shows: (pattern: RegExp) => Promise<void>;
  /** Resolves when this holds for all that was written to the terminal; rejects if the command ends first. */
  readonly writes: (holds: (written: string) => boolean) => Promise<void>;
  /** Resolves like the promise; rejects if the command ends first. */
  readonly unlessEnded: <T>(promise: Promise<T>) => Promise<T>;
  /** Types these characters: `\u0003` is Ctrl-C, which the terminal makes a signal unless it is in raw mode. */
  readonly type: (keys: string) => void;
  /** Closes the window. */
  readonly hangUp: () => void;
  /** Resolves to the exit code, or to 128 and the number of the signal. */
  readonly ended: Promise<number | null>;
  /** All lines, also those that have scrolled away. */
  readonly lines: () => readonly string[];
  /** How often the command erased what had scrolled away. */
  readonly erased: () => number;
  /** Everything that was written to the terminal. */
  readonly written: () => string;
}

export interface TerminalOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly rows?: number;
  readonly columns?: number;
}

const script = fileURLToPath(new URL('pseudo-terminal.py', import.meta.url));

/** Whether this machine can open pseudo-terminals, for which Python 3.9 is needed. */
export const hasTerminals =
  spawnSync('python3', ['-c', 'import os, pty; os.waitstatus_to_exitcode']).status === 0;
if (!hasTerminals && process.env['RAVELIN_REQUIRE_TERMINALS'] === '1')
  throw new Error('python3 is missing, so terminals cannot be tested');
if (!hasTerminals) console.warn('SKIPPED: terminals are not tested: python3 is missing');

/** Opens a terminal with a command of the shell in it, and closes it after the test at the latest. */
export function openTerminal(command: string, options: TerminalOptions): Terminal {
  const { rows = 24, columns = 80 } = options;
  const child = spawn('python3', [script, String(rows), String(columns), 'bash', '-c', command], {
    cwd: options.cwd,
    env: { ...process.env, CI: 'false', TERM: 'xterm', LC_ALL: 'C.UTF-8', ...options.env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const screen = createTerminalScreen(rows || 24);
  let written = '';
  const looks = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written += text;
    screen.write(text);
    looks.forEach((look) => look());
  });
  // What is typed may come after the end.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const tooEarly = ended.then((code) => {
    throw new Error(
      `the command ended first, with ${code}; the terminal shows:\n${screen.lines().join('\n')}`,
    );
  });
  tooEarly.catch(() => undefined);
  onTestFinished(() => {
    child.stdin.end();
    child.kill('SIGKILL');
  });
  const when = (holds: () => boolean): Promise<void> => {
    const found = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        looks.delete(look);
        resolve();
      };
      looks.add(look);
      look();
    });
    return Promise.race([found, tooEarly]);
  };
  return {
    shows: (pattern) => when(() => screen.lines().some((line) => pattern.test(line))),
    writes: (holds) => when(() => holds(written)),
    unlessEnded: (promise) => Promise.race([promise, tooEarly]),
    type: (keys) => child.stdin.write(keys),
    hangUp: () => child.stdin.end(),
    ended,
    lines: screen.lines,
    erased: screen.erased,
    written: () => written,
  };
}
