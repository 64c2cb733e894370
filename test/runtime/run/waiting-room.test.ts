import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createWaitingRoom } from '../../../src/runtime/run/waiting-room.ts';
import type { ReadyUnit } from '../../../src/runtime/run/schedule.ts';
import type { ClaimHolder } from '../../../src/runtime/store/claims.ts';
import type { CommitRecord } from '../../../src/runtime/store/record.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const unit = (key: string): ReadyUnit => ({ unit: { key } }) as ReadyUnit;
const other = { run: 'other' } as ClaimHolder;

function open(holders: Map<string, ClaimHolder>, records: Map<string, CommitRecord>) {
  const reports: string[] = [];
  const claims = {
    take: (key: string) => holders.get(key) ?? null,
    release: () => undefined,
    close: () => undefined,
  };
  const room = createWaitingRoom(claims, (ready) => records.get(ready.unit.key!) ?? null, {
    waiting: (ready, { run }) => reports.push(`${ready.unit.key} waits for ${run}`),
    found: (ready) => reports.push(`${ready.unit.key} found`),
    freed: (ready) => reports.push(`${ready.unit.key} freed`),
  });
  return { room, reports };
}

test('a unit that nobody holds is admitted', () => {
  const { room, reports } = open(new Map(), new Map());
  expect(room.admit(unit('a'))).toBe(true);
  expect([room.size(), reports]).toEqual([0, []]);
});

test('a unit of another run waits until that run has committed it or has given it up', () => {
  const holders = new Map([
    ['a', other],
    ['b', other],
  ]);
  const records = new Map<string, CommitRecord>();
  const { room, reports } = open(holders, records);
  expect([room.admit(unit('a')), room.admit(unit('b'))]).toEqual([false, false]);
  vi.advanceTimersByTime(1_000);
  expect(reports).toEqual(['a waits for other', 'b waits for other']);

  records.set('a', {} as CommitRecord);
  vi.advanceTimersByTime(1_000);
  expect(reports.slice(2)).toEqual(['a found']);
  expect(room.size()).toBe(1);

  holders.delete('b');
  vi.advanceTimersByTime(1_000);
  expect(reports.slice(3)).toEqual(['b freed']);
  expect(room.size()).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test('units of several cells that have the same key are all found, or all freed', () => {
  const holders = new Map([
    ['a', other],
    ['b', other],
  ]);
  const records = new Map<string, CommitRecord>();
  const { room, reports } = open(holders, records);
  for (const key of ['a', 'a', 'b', 'b', 'b']) room.admit(unit(key));
  expect(room.size()).toBe(5);
  records.set('a', {} as CommitRecord);
  holders.delete('b');
  vi.advanceTimersByTime(1_000);
  expect(reports.slice(5)).toEqual(['a found', 'a found', 'b freed', 'b freed', 'b freed']);
  expect(room.size()).toBe(0);
});

test('a closed room looks no more', () => {
  const { room } = open(new Map([['a', other]]), new Map());
  room.admit(unit('a'));
  room.close();
  expect(vi.getTimerCount()).toBe(0);
});
