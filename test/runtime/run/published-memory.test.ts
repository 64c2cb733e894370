import { mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isPublished, PublishedMemory } from '../../../src/runtime/run/published-memory.ts';
import { writeSignedMemory } from '../../../src/runtime/store/signed-memory.ts';

const key = new Uint8Array(32).fill(7);
const bytes = Buffer.from('table');
let folder = '';
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'published-')));
  mkdirSync(join(folder, 'cache'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const publish = (memory: PublishedMemory, name: string): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  memory.set(path, { source: 's', owner: 'table of p.yaml', bytes });
  return path;
};

test('two runs at once lose nothing of each other, and a third knows what both have published', () => {
  const [one, other, third] = [1, 2, 3].map(() => new PublishedMemory(join(folder, 'cache'), key));
  expect(one!.get(join(folder, 'a'))).toBeUndefined();
  expect(other!.get(join(folder, 'a'))).toBeUndefined();
  const [a, b] = [publish(one!, 'a'), publish(other!, 'b')];
  const known = { source: 's', size: 5, mtimeMs: expect.any(Number) as number, owner: 'table of p.yaml' };
  expect(third!.get(a)).toMatchObject({
    path: a,
    ...known,
    digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  });
  expect(third!.get(b)).toMatchObject({ path: b, ...known });
});

test('another machine, or one without a secret, knows nothing', () => {
  const a = publish(new PublishedMemory(join(folder, 'cache'), key), 'a');
  expect(new PublishedMemory(join(folder, 'cache'), new Uint8Array(32)).get(a)).toBeUndefined();
  expect(new PublishedMemory(join(folder, 'cache'), null).get(a)).toBeUndefined();
});

test('what earlier versions remembered in one file is known', () => {
  const a = join(folder, 'a');
  const text = JSON.stringify({ [a]: ['s', 5, 1000, 'table of p.yaml'] });
  writeSignedMemory(join(folder, 'cache', 'published.json'), { key, purpose: 'published 2' }, text);
  const entry = new PublishedMemory(join(folder, 'cache'), key).get(a);
  expect(entry).toEqual({ path: a, source: 's', size: 5, mtimeMs: 1000, owner: 'table of p.yaml' });
});

test('a file that was about to be written is the published one by its bytes alone', () => {
  const memory = new PublishedMemory(join(folder, 'cache'), key);
  const a = join(folder, 'a');
  memory.expect(a, { source: 's', owner: 'table of p.yaml', bytes });
  const entry = memory.get(a)!;
  expect(isPublished(a, entry)).toBe(false);
  writeFileSync(a, 'of somebody else');
  expect(isPublished(a, entry)).toBe(false);
  writeFileSync(a, bytes);
  expect(isPublished(a, entry)).toBe(true);
});

test('a file is the published one at its place, or elsewhere by its bytes', () => {
  const memory = new PublishedMemory(join(folder, 'cache'), key);
  const entry = memory.get(publish(memory, 'a'))!;
  writeFileSync(join(folder, 'a'), 'changed');
  expect(isPublished(join(folder, 'a'), entry)).toBe(true);
  writeFileSync(join(folder, 'b'), bytes);
  utimesSync(join(folder, 'b'), 1, 1);
  expect(isPublished(join(folder, 'b'), entry)).toBe(true);
  expect(isPublished(join(folder, 'none'), entry)).toBe(false);
  writeFileSync(join(folder, 'b'), 'mine!');
  expect(isPublished(join(folder, 'b'), entry)).toBe(false);
});
