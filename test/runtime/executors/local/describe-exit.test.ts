import { expect, test } from 'vitest';
import { describeExit } from '../../../../src/runtime/executors/local/describe-exit.ts';
import type { WorkerExit } from '../../../../src/runtime/executors/local/describe-exit.ts';

const exit = (change: Partial<WorkerExit>): WorkerExit => ({
  killedFor: null,
  code: null,
  signal: null,
  output: '',
  ...change,
});

test.each<[Partial<WorkerExit>, string, string]>([
  [{ code: 3 }, 'crash', 'the worker crashed (exit code 3)'],
  [{ signal: 'SIGSEGV' }, 'crash', 'the worker crashed (SIGSEGV)'],
  [
    { code: 1, output: '\nTypeError: no\n  at x\n' },
    'crash',
    'the worker crashed (exit code 1); its last output was: TypeError: no\n  at x',
  ],
  [
    { signal: 'SIGKILL' },
    'out-of-memory',
    'the worker was killed, probably by the system because memory ran out',
  ],
  [
    { code: 137, output: 'tensor' },
    'out-of-memory',
    'the worker was killed, probably by the system because memory ran out; its last output was: tensor',
  ],
  [
    { signal: 'SIGABRT', output: 'FATAL ERROR: JavaScript heap out of memory' },
    'out-of-memory',
    'the worker ran out of memory; its last output was: FATAL ERROR: JavaScript heap out of memory',
  ],
  [
    { signal: 'SIGKILL', killedFor: { type: 'time' } },
    'timeout',
    'it took longer than its `time` resource allows',
  ],
  [
    { signal: 'SIGKILL', killedFor: { type: 'silence' }, output: 'step 1' },
    'crash',
    'the worker stopped responding and was killed',
  ],
  [
    { signal: 'SIGKILL', killedFor: { type: 'memory', heldBytes: 300.4 * 2 ** 20 } },
    'out-of-memory',
    'the worker held 300 MiB, more than its `memory` resource allows',
  ],
])('%j is %s: %s', (change, cause, message) => {
  expect(describeExit(exit(change))).toEqual({ cause, message });
});

test('only the last twenty lines of the output are repeated', () => {
  const output = Array.from({ length: 30 }, (_, line) => `line ${line}`).join('\n');
  const { message } = describeExit(exit({ code: 1, output }));
  expect(message).toContain('line 10\n');
  expect(message).not.toContain('line 9\n');
});
