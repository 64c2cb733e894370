import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import type { TerminalHost } from '../dashboard/terminal-host.ts';

/** The process of the command line, as displays need it. */
export const terminalHost: TerminalHost = {
  onExit: (handler) => listen(['exit'], handler),
  onTerminate: (handler) => listen(['SIGTERM', 'SIGHUP', 'SIGINT'], handler),
  onStop: (stopped, continued) => {
    const onStop = (): void => {
      stopped();
      // Without a listener, the signal has its default effect again.
      process.off('SIGTSTP', onStop);
      process.kill(process.pid, 'SIGTSTP');
    };
    const onContinue = (): void => {
      process.off('SIGTSTP', onStop);
      process.on('SIGTSTP', onStop);
      continued();
    };
    process.on('SIGTSTP', onStop);
    process.on('SIGCONT', onContinue);
    return () => {
      process.off('SIGTSTP', onStop);
      process.off('SIGCONT', onContinue);
    };
  },
  stop: () => process.kill(0, 'SIGTSTP'),
  writeNow: (text) => {
    try {
      writeSync(2, text);
    } catch {
      // The terminal is gone.
    }
  },
  page: (path) =>
    new Promise((resolve) => {
      const release = ignoreInterrupts();
      const end = (problem: string | null): void => {
        release();
        resolve(problem);
      };
      const pager = process.env['PAGER'] ?? 'less';
      const child = spawn('sh', ['-c', `${pager} "$1"`, 'sh', path], { stdio: 'inherit' });
      child.once('error', (error) => end(`the pager could not be started: ${error.message}`));
      child.once('close', (code) => end(code === 127 ? `there is no pager '${pager}'; set PAGER` : null));
    }),
  open: (path) => {
    const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
    const child = spawn(program, [path], { detached: true, stdio: 'ignore' });
    // A machine without a desktop has no such program; the path is shown anyway.
    child.once('error', () => undefined);
    child.unref();
  },
};

function listen(names: readonly (NodeJS.Signals | 'exit')[], handler: () => void): () => void {
  for (const name of names) process.on(name as NodeJS.Signals, handler);
  return () => {
    for (const name of names) process.off(name, handler);
  };
}

/** Ctrl-C in a pager is for the pager, although it reaches all processes of the terminal. */
function ignoreInterrupts(): () => void {
  const listeners = process.listeners('SIGINT');
  const ignore = (): void => undefined;
  process.removeAllListeners('SIGINT');
  process.on('SIGINT', ignore);
  return () => {
    process.off('SIGINT', ignore);
    for (const listener of listeners) process.on('SIGINT', listener);
  };
}
