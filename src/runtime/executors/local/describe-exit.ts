/** Why the pool ended a worker itself. */
export type KillReason =
  | { readonly type: 'time' }
  | { readonly type: 'silence' }
  | { readonly type: 'memory'; readonly heldBytes: number };

export interface WorkerExit {
  /** Null if the worker ended by itself, or was killed by somebody else. */
  readonly killedFor: KillReason | null;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last that the worker wrote to its standard output and error. */
  readonly output: string;
}

/** Says for the user why a worker ended while it had a task, and what that says about the task. */
export function describeExit({ killedFor, code, signal, output }: WorkerExit): {
  readonly cause: 'crash' | 'out-of-memory' | 'timeout';
  readonly message: string;
} {
  if (killedFor !== null) return describeKill(killedFor);
  const lines = output.trim().split('\n').slice(-20).join('\n');
  const detail = lines === '' ? '' : `; its last output was: ${lines}`;
  if (/heap out of memory|Allocation failed/i.test(output))
    return { cause: 'out-of-memory', message: `the worker ran out of memory${detail}` };
  if (signal === 'SIGKILL' || code === 137) {
    const message = `the worker was killed, probably by the system because memory ran out${detail}`;
    return { cause: 'out-of-memory', message };
  }
  const how = signal === null ? `exit code ${String(code)}` : signal;
  return { cause: 'crash', message: `the worker crashed (${how})${detail}` };
}

function describeKill(reason: KillReason): ReturnType<typeof describeExit> {
  switch (reason.type) {
    case 'time':
      return { cause: 'timeout', message: 'it took longer than its `time` resource allows' };
    case 'silence':
      return { cause: 'crash', message: 'the worker stopped responding and was killed' };
    case 'memory': {
      const held = `${Math.round(reason.heldBytes / 2 ** 20)} MiB`;
      const message = `the worker held ${held}, more than its \`memory\` resource allows`;
      return { cause: 'out-of-memory', message };
    }
  }
}
