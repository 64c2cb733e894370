import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { RunEvent } from '../../../src/runtime/events.ts';
import { followLedger } from '../../../src/runtime/run/follow-ledger.ts';
import { readRunInfo } from '../../../src/runtime/run/read-ledger.ts';
import { stateOfRun } from '../../../src/runtime/run/run-state.ts';
import { ownIdentity } from '../../../src/runtime/store/process-identity.ts';
import { makeFolder } from '../fixtures/graphs.ts';

type Started = Extract<RunEvent, { type: 'run-started' }>;

let folder = '';
let path = '';
beforeEach(() => {
  folder = makeFolder();
  mkdirSync(join(folder, 'runs/r'), { recursive: true });
  path = join(folder, 'runs/r/events.jsonl');
});

const line = (event: RunEvent): string => `${JSON.stringify(event)}\n`;
const { host, pid, boot, started: processStarted } = ownIdentity();
const started = (changes: Partial<Started> = {}): Started => ({
  v: 1,
  at: 1,
  type: 'run-started',
  run: 'r',
  pipeline: 'p',
  file: '/p.yaml',
  backend: 'wasm',
  workers: 1,
  host,
  pid,
  boot,
  processStarted,
  totals: { cells: 1, shards: 1, reuse: 0, run: 1 },
  ...changes,
});
const finished: RunEvent = {
  v: 1,
  at: 2,
  type: 'run-finished',
  status: 'ok',
  totals: { cells: 1, shards: 1, reused: 0, ran: 1, failed: 0 },
  seconds: 1,
};

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

describe('the state of a run', () => {
  const stateWith = (...events: readonly RunEvent[]): string => {
    writeFileSync(path, events.map(line).join(''));
    return stateOfRun(folder, readRunInfo(folder, 'r'));
  };

  it('is that of its process', async () => {
    expect(stateWith(started())).toBe('running');
    expect(stateWith(started({ pid: await deadPid() }))).toBe('killed');
    expect(stateWith(started(), finished)).toBe('ok');
  });

  it('is killed if its number was given to another process, or the machine was started again', () => {
    expect(stateWith(started({ processStarted: '1' }))).toBe('killed');
    expect(stateWith(started({ boot: 'another' }))).toBe('killed');
  });

  it('is not known if an earlier version wrote down only a number that some process has', async () => {
    const { boot: _boot, processStarted: _started, ...earlier } = started();
    expect(stateWith(earlier)).toBe('unknown');
    expect(stateWith({ ...earlier, pid: await deadPid() })).toBe('killed');
  });

  it('on another host is running while it says so, and not known otherwise', () => {
    expect(stateWith(started({ host: 'elsewhere' }))).toBe('unknown');
    mkdirSync(join(folder, 'claims'));
    const heartbeat = join(folder, 'claims/run-r');
    writeFileSync(heartbeat, '');
    expect(stateWith(started({ host: 'elsewhere' }))).toBe('running');
    utimesSync(heartbeat, 1, 1);
    expect(stateWith(started({ host: 'elsewhere' }))).toBe('unknown');
  });

  it('is not known without a beginning of the ledger', () => {
    expect(stateWith()).toBe('unknown');
    expect(stateWith(finished)).toBe('ok');
  });
});

describe('following a ledger', () => {
  /** Follows with pauses in which the test acts: each is one look without anything new. */
  const follow = async (
    pauses: readonly (() => void)[],
    isRunning?: () => boolean | null,
  ): Promise<{ end: string; types: string[]; paused: number }> => {
    const types: string[] = [];
    const leaving = new AbortController();
    let paused = 0;
    const end = await followLedger({
      info: readRunInfo(folder, 'r'),
      onEvent: ({ type }) => types.push(type),
      signal: leaving.signal,
      pause: () => {
        const act = pauses[paused++];
        if (act !== undefined) act();
        else if (paused > 50) leaving.abort();
        return Promise.resolve();
      },
      ...(isRunning && { isRunning }),
    });
    return { end, types, paused };
  };
  const nothing = (): void => undefined;

  it('of a run on another host goes on until it has finished, however long it is silent', async () => {
    writeFileSync(path, line(started({ host: 'elsewhere' })));
    const silent = Array.from({ length: 40 }, () => nothing);
    expect(await follow([...silent, () => appendFileSync(path, line(finished))])).toEqual({
      end: 'finished',
      types: ['run-started', 'run-finished'],
      paused: 41,
    });
  });

  it('of a killed run ends after all that there is', async () => {
    writeFileSync(path, line(started({ processStarted: '1' })) + line(finished).slice(0, 20));
    expect(await follow([])).toMatchObject({ end: 'ended', types: ['run-started'] });
  });

  it('reads what a process wrote before its end', async () => {
    writeFileSync(path, line(started()));
    let running = true;
    const end = (): void => {
      running = false;
      appendFileSync(path, line(finished));
    };
    expect(await follow([nothing, end], () => running)).toMatchObject({
      end: 'finished',
      types: ['run-started', 'run-finished'],
    });
  });

  it.each([
    ['is empty', ''],
    ['holds nothing that is an event', 'null\n[]\n"x"\n{}\n'],
  ])('without a beginning, as it %s, is given up', async (_, text) => {
    writeFileSync(path, text);
    const { end, types, paused } = await follow([]);
    expect({ end, types }).toEqual({ end: 'no-beginning', types: [] });
    expect(paused).toBeLessThan(20);
  });

  it('whose beginning comes a little later goes on', async () => {
    writeFileSync(path, '');
    expect(
      await follow([nothing, nothing, () => appendFileSync(path, line(started()) + line(finished))]),
    ).toMatchObject({ end: 'finished' });
  });

  it('ends when the user leaves', async () => {
    writeFileSync(path, line(started()));
    expect(await follow([], () => true)).toMatchObject({ end: 'left' });
  });
});
