import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { describeFailure } from '../../../src/runtime/executors/task/describe-failure.ts';
import { withTemporaryFolder } from '../../../src/tensors/tensorflow/graph/temporary-folder.ts';
import { nextStep, untried } from '../../../src/runtime/run/retry-policy.ts';

afterEach(() => void vi.unstubAllEnvs());
const place = mkdtempSync(join(tmpdir(), 'ravelin-temporary-'));

it('there is a folder for as long as the work takes, also if it fails', () => {
  vi.stubEnv('TMPDIR', place);
  const folder = withTemporaryFolder((path) => {
    writeFileSync(join(path, 'saved_model.pb'), '');
    return path;
  });
  expect(folder.startsWith(place)).toBe(true);
  expect(() =>
    withTemporaryFolder(() => {
      throw new TypeError('no');
    }),
  ).toThrow(TypeError);
  expect(existsSync(folder)).toBe(false);
  expect(readdirSync(place)).toEqual([]);
});

it.each([
  ['does not exist', join(place, 'absent')],
  ['is not a folder', join(place, 'file')],
])('a TMPDIR that %s is said once, with the remedy, and not tried again', (reason, folder) => {
  writeFileSync(join(place, 'file'), '');
  vi.stubEnv('TMPDIR', folder);
  let thrown: unknown;
  try {
    withTemporaryFolder(() => undefined);
  } catch (error) {
    thrown = error;
  }
  const failure = describeFailure(thrown);
  expect(failure).toMatchObject({
    code: 'stage',
    message: `the folder for temporary files ${folder} (TMPDIR) ${reason}`,
    fix: 'set TMPDIR to a folder of this machine that can be written to',
  });
  const rules = {
    retry: { max: 2, on: ['out-of-memory', 'crash', 'preempted', 'io'] as const },
    images: 1,
    cacheFolder: '/cache',
  };
  expect(nextStep({ type: 'failed', id: 1, failure }, untried, rules)).toEqual({ do: 'fail', failure });
});

it('a folder without space is told from other errors of the work', () => {
  vi.stubEnv('TMPDIR', place);
  const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', syscall: 'write' });
  expect(() =>
    withTemporaryFolder(() => {
      throw full;
    }),
  ).toThrow(`${place} (TMPDIR) has no space left`);
});
