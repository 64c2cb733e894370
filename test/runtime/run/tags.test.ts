import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { runFolder } from '../../../src/runtime/run/ledger.ts';
import { addTags, isTag, readTags, removeTags } from '../../../src/runtime/run/tags.ts';
import { makeFolder } from '../fixtures/graphs.ts';

let cache = '';
let folder = '';
beforeEach(() => {
  cache = makeFolder();
  folder = runFolder(cache, 'r1');
  mkdirSync(folder, { recursive: true });
});

it('tags of two commands that both began without any are all kept', () => {
  expect(readTags(folder)).toEqual([]);
  addTags(cache, 'r1', ['paper']);
  addTags(cache, 'r1', ['draft', 'paper']);
  // Nothing of what a command knew when it began is written again.
  expect(readdirSync(join(folder, 'tagged')).sort()).toEqual(['draft', 'paper']);
  expect(readTags(folder)).toEqual(['draft', 'paper']);
});

it('any number of tags is kept, and each can be taken away', () => {
  const names = Array.from({ length: 300 }, (_, index) => `a-name-of-a-run-${index}`);
  addTags(cache, 'r1', names);
  expect(readTags(folder)).toHaveLength(300);
  removeTags(cache, 'r1', [...names.slice(1), 'unknown']);
  expect(readTags(folder)).toEqual(['a-name-of-a-run-0']);
});

it('tags that an earlier version wrote are read, and can be taken away', () => {
  writeFileSync(join(folder, 'tags'), 'old\nolder\n../evil\n');
  addTags(cache, 'r1', ['new', 'old']);
  expect(readTags(folder)).toEqual(['new', 'old', 'older']);
  removeTags(cache, 'r1', ['old']);
  expect(readTags(folder)).toEqual(['new', 'older']);
});

it('a tag is a word that cannot be taken for the id of a run', () => {
  expect(['paper-v1', 'a.b', 'latest', '2026', '..', '', 'a/b', 'a'.repeat(41)].filter(isTag)).toEqual([
    'paper-v1',
    'a.b',
  ]);
});
