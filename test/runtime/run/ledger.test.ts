import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { beforeEach, describe, expect, it } from 'vitest';
import type { RunEvent } from '../../../src/runtime/events.ts';
import { logPath, openLedger } from '../../../src/runtime/run/ledger.ts';
import { checkedLine } from '../../../src/runtime/run/ledger-line.ts';
import {
  keysOfRun,
  latestRun,
  listRuns,
  pinRun,
  readLedger,
  readRunInfo,
  removeRun,
} from '../../../src/runtime/run/read-ledger.ts';
import { openLines } from '../../../src/runtime/run/read-lines.ts';
import { newRunId, runNames } from '../../../src/runtime/run/run-id.ts';
import { StoreError } from '../../../src/runtime/store/errors.ts';
import { makeFolder } from '../fixtures/graphs.ts';

let folder = '';
beforeEach(() => {
  folder = makeFolder();
});

const warning = (message: string): RunEvent => ({ v: 1, at: 1, type: 'warning', cell: null, message });
const started = (run: string, file = '/p.yaml'): RunEvent => ({
  v: 1,
  at: 1,
  type: 'run-started',
  run,
  pipeline: 'p',
  file,
  backend: 'wasm',
  workers: 1,
  host: 'here',
  pid: 4_000_000,
  boot: 'b',
  processStarted: '1',
  totals: { cells: 1, shards: 1, reuse: 0, run: 1 },
});

function write(run: string, ...events: readonly RunEvent[]): string {
  const ledger = openLedger(folder, run);
  for (const event of events) ledger.append(event);
  expect(ledger.close()).toBeNull();
  return join(ledger.folder, 'events.jsonl');
}

describe('a ledger', () => {
  it('reads back its events, without a last line that was cut short', () => {
    const run = newRunId(folder);
    const path = write(run, warning('ä'), warning('b'));
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"v":1,"ty`);
    const damages: number[] = [];
    expect([...readLedger(folder, run, undefined, () => damages.push(1))]).toEqual([
      warning('ä'),
      warning('b'),
    ]);
    expect(damages).toEqual([]);
  });

  it('has its first event on disk at once, and no file before', () => {
    const run = newRunId(folder);
    const ledger = openLedger(folder, run);
    expect(readdirSync(ledger.folder)).toEqual([]);
    ledger.append(started(run));
    expect(readRunInfo(folder, run).started).toEqual(started(run));
    ledger.close();
  });

  it('that is closed before its first event leaves nothing', () => {
    const ledger = openLedger(folder, newRunId(folder));
    expect(ledger.close()).toBeNull();
    expect(readdirSync(join(folder, 'runs'))).toEqual([]);
  });

  it('reads only the types that are asked for', () => {
    const run = newRunId(folder);
    write(run, started(run), warning('"run-started"'));
    expect([...readLedger(folder, run, ['run-started'])]).toEqual([started(run)]);
  });

  it('gives no event that a changed bit has made another one, wherever the bit is', () => {
    const run = newRunId(folder);
    const path = write(run, warning('strength 0.2'), started(run));
    const whole = readFileSync(path);
    const events = [warning('strength 0.2'), started(run)];
    const end = whole.indexOf('\n');
    for (let bit = 0; bit < 8 * end; bit++) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(path, bytes);
      let damages = 0;
      const read = [...readLedger(folder, run, undefined, () => damages++)];
      // In its own name alone, the checksum is taken for a field that nobody reads.
      if (read.length === 2) expect(JSON.parse(JSON.stringify(read[0]))).toMatchObject(events[0]!);
      else expect(damages).toBeGreaterThan(0);
      expect(read.at(-1)).toEqual(events[1]);
      damages = 0;
      const chosen = [...readLedger(folder, run, ['warning'], () => damages++)];
      expect(chosen.length + Math.min(damages, 1)).toBe(1);
    }
  });

  it('of an earlier version has no checksums, and one of a later version may have other events', () => {
    const run = newRunId(folder);
    const path = write(run, started(run));
    const later = checkedLine('{"v":1,"at":1,"type":"later"}');
    appendFileSync(path, `${JSON.stringify(warning('old'))}\n${later}\n`);
    let damages = 0;
    expect([...readLedger(folder, run, ['warning'], () => damages++)]).toEqual([warning('old')]);
    expect([...readLedger(folder, run, undefined, () => damages++)]).toEqual([started(run), warning('old')]);
    expect(damages).toBe(0);
  });

  it('that is a folder is a StoreError that names the run and a remedy', () => {
    mkdirSync(join(folder, 'runs/x/events.jsonl'), { recursive: true });
    let error: unknown;
    try {
      keysOfRun(folder, 'x');
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({
      message: `the ledger of run x cannot be read: ${folder}/runs/x/events.jsonl is a folder where a file is needed (EISDIR)`,
      fix: "repair the file, or remove the run with 'ravelin runs rm x'; its results stay",
    });
    expect(listRuns(folder)).toMatchObject([{ run: 'x', started: null, finished: null }]);
  });

  it('that is a named pipe is one too, instead of waiting for a writer', () => {
    mkdirSync(join(folder, 'runs/x'), { recursive: true });
    expect(spawnSync('mkfifo', [join(folder, 'runs/x/events.jsonl')]).status).toBe(0);
    expect(() => keysOfRun(folder, 'x')).toThrow(StoreError);
    expect(listRuns(folder)).toMatchObject([{ run: 'x', started: null, finished: null }]);
  });
});

describe('lines', () => {
  const read = (text: string | Buffer, mostBytes?: number): string[] => {
    writeFileSync(join(folder, 'lines'), text);
    const lines = openLines(join(folder, 'lines'), mostBytes);
    const found = [...lines.next(), lines.rest()];
    lines.close();
    return found;
  };

  it('are the same however they lie in the parts that are read', () => {
    const long = 'ä'.repeat(1 << 20);
    expect(read(`a\n\n${long}\nb\n${long}`)).toEqual(['a', '', long, 'b', long]);
  });

  it('that are too long are empty, and the next one is whole', () => {
    expect(read('0123456789\nab\n0123456789', 4)).toEqual(['', 'ab', '']);
  });

  it('come as they are completed', () => {
    const path = join(folder, 'lines');
    writeFileSync(path, 'a\nb');
    const lines = openLines(path);
    expect([...lines.next()]).toEqual(['a']);
    expect([...lines.next()]).toEqual([]);
    appendFileSync(path, 'c\n');
    expect([...lines.next()]).toEqual(['bc']);
    lines.close();
  });
});

describe('runs', () => {
  it('are in the order in which they began, whatever the clock said', () => {
    const clocks = [
      '2026-01-02T03:04:05.006Z',
      '2025-01-01T00:00:00Z',
      '2027-02-05T00:00:00Z',
      '2026-06-01T00:00:00Z',
    ];
    const ids = clocks.map((clock) => {
      const run = newRunId(folder, new Date(clock));
      write(run, started(run));
      return run;
    });
    expect(ids.map((id) => id.slice(0, 19))).toEqual([
      '20260102-030405-006',
      '20260102-030405-007',
      '20270205-000000-000',
      '20270205-000000-001',
    ]);
    expect(listRuns(folder).map(({ run }) => run)).toEqual(ids);
    expect(latestRun(folder)!.run).toBe(ids[3]);
  });

  it('with names that are no ids, or with times that cannot be, are the oldest', () => {
    for (const name of ['zebra', '99999999-999999-999-ffff', '99991231-235959-999-ffff'])
      mkdirSync(join(folder, 'runs', name), { recursive: true });
    const id = newRunId(folder, new Date('2026-01-02T03:04:05.006Z'));
    expect(id).toMatch(/^20260102-030405-006-[0-9a-f]{4}$/);
    mkdirSync(join(folder, 'runs', id));
    expect(runNames(folder).at(-1)).toBe(id);
  });

  it('are pinned and removed', () => {
    const ids = [1, 2].map(() => {
      const run = newRunId(folder);
      write(run, started(run));
      return run;
    });
    expect(latestRun(folder)).toMatchObject({ run: ids[1], finished: null, pinned: false });
    pinRun(folder, ids[1]!, true);
    expect(latestRun(folder)!.pinned).toBe(true);
    removeRun(folder, ids[1]!);
    expect(latestRun(folder)!.run).toBe(ids[0]);
  });

  it('of one pipeline have a latest of their own', () => {
    const ids = ['/a.yaml', '/b.yaml'].map((file) => {
      const run = newRunId(folder);
      write(run, started(run, file));
      return run;
    });
    expect(latestRun(folder, '/a.yaml')!.run).toBe(ids[0]);
    expect(latestRun(folder, '/c.yaml')).toBeNull();
  });

  it('have logs for cells with strange or long names', () => {
    expect(logPath('/c', 'r', 'a[b=1]')).toBe('/c/runs/r/logs/a[b=1].log');
    expect(logPath('/c', 'r', '../../x')).toMatch(/^\/c\/runs\/r\/logs\/.._.._x-[0-9a-f]{8}\.log$/);
    expect(logPath('/c', 'r', 'x'.repeat(500)).length).toBeLessThan(160);
  });
});
