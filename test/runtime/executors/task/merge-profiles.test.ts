import type { Profiler } from 'node:inspector';
import { expect, it } from 'vitest';
import { MergedProfile } from '../../../../src/runtime/executors/task/merge-profiles.ts';

const frame = (functionName: string): Profiler.ProfileNode['callFrame'] => ({
  functionName,
  scriptId: '1',
  url: 'file:///a.js',
  lineNumber: 3,
  columnNumber: 0,
});

it('joins equal paths of calls, and counts the time between two profiles to the first sample after it', () => {
  const merged = new MergedProfile();
  merged.add({
    nodes: [
      { id: 1, callFrame: frame('(root)'), hitCount: 0, children: [2, 3] },
      { id: 2, callFrame: frame('read'), hitCount: 2 },
      { id: 3, callFrame: frame('write'), hitCount: 1 },
    ],
    startTime: 1000,
    endTime: 4000,
    samples: [2, 2, 3],
    timeDeltas: [500, 1000, 1000],
  });
  merged.add({
    nodes: [
      { id: 1, callFrame: frame('(root)'), hitCount: 0, children: [2] },
      { id: 2, callFrame: frame('write'), hitCount: 1, children: [3] },
      { id: 3, callFrame: frame('read'), hitCount: 1 },
    ],
    startTime: 4700,
    endTime: 7000,
    samples: [3, 2],
    timeDeltas: [300, 1000],
  });
  expect(JSON.parse(merged.text())).toEqual({
    nodes: [
      { id: 1, callFrame: frame('(root)'), hitCount: 0, children: [2, 3] },
      { id: 2, callFrame: frame('read'), hitCount: 2, children: [] },
      { id: 3, callFrame: frame('write'), hitCount: 2, children: [4] },
      { id: 4, callFrame: frame('read'), hitCount: 1, children: [] },
    ],
    startTime: 1000,
    endTime: 7000,
    samples: [2, 2, 3, 4, 3],
    timeDeltas: [500, 1000, 1000, 1000, 1000],
  });
});
