import { readFileSync } from 'node:fs';
import type { RendererIo } from '../dashboard/renderer.ts';
import { runNow } from '../timing/run-clock.ts';
import { terminalHost } from './terminal-host.ts';

/** The terminal of this process, in the form that renderers take. */
export function terminal(): Omit<RendererIo, 'onInterrupt' | 'onQuit'> {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    environment: process.env,
    isInBackground: isInBackground(),
    now: runNow,
    host: terminalHost,
  };
}

/**
 * Whether other processes have the terminal, as after `ravelin run p.yaml &` and within `timeout`: the system
 * stops a process that listens to the keys then. Only Linux says so; elsewhere the answer is no.
 */
function isInBackground(): boolean {
  let stat: string;
  try {
    stat = readFileSync('/proc/self/stat', 'utf8');
  } catch {
    return false;
  }
  // After the name, which is in brackets and may hold anything: state, parent, process group, session,
  // terminal, and the process group that has the terminal, which is -1 without a terminal.
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return foreground !== '-1' && foreground !== group;
}
