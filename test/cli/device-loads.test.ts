import { expect, test } from 'vitest';
import { readLoads } from '../../src/cli/device-loads.ts';

test('a line of nvidia-smi is the memory and the load of a device', () => {
  expect(readLoads('0, NVIDIA H200, 1024, 143771, 37\n1, NVIDIA A100-SXM4-40GB, 0, 40960, [N/A]\n')).toEqual([
    { name: '0 NVIDIA H200', usedBytes: 2 ** 30, totalBytes: 143771 * 2 ** 20, busy: 0.37 },
    { name: '1 NVIDIA A100-SXM4-40GB', usedBytes: 0, totalBytes: 40 * 2 ** 30, busy: null },
  ]);
});

test('other lines are left out', () => {
  expect(readLoads('No devices were found\n\n0, NVIDIA H200, [N/A], 143771, 37\n')).toEqual([]);
});
