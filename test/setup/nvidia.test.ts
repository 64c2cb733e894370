import { describe, expect, it } from 'vitest';
import {
  driverVersion,
  nvidiaNotes,
  nvidiaProblems,
  parseGpus,
  shadowingFolders,
  type NvidiaFacts,
} from '../../src/setup/nvidia.ts';

const good: NvidiaFacts = {
  driver: '580.95.05',
  gpus: parseGpus('NVIDIA H100 80GB HBM3, 9.0, Default, Disabled, 81559 MiB\n'),
  slices: 0,
  files: [
    { path: '/dev/nvidia0', open: true },
    { path: '/dev/nvidiactl', open: true },
  ],
  libcuda: null,
  shadowing: [],
  visibleDevices: undefined,
  inContainer: false,
};
const problem = (facts: Partial<NvidiaFacts>): string => nvidiaProblems({ ...good, ...facts }).join('\n');

it('the driver, its rows and folders that shadow CUDA are read', () => {
  expect(
    driverVersion(
      'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\nGCC version: 12',
    ),
  ).toBe('580.95.05');
  expect(driverVersion('')).toBeNull();
  expect(good.gpus).toEqual([
    {
      name: 'NVIDIA H100 80GB HBM3',
      capability: '9.0',
      computeMode: 'Default',
      isDivided: false,
      memory: '81559 MiB',
    },
  ]);
  const folders: Readonly<Record<string, string[]>> = {
    '/cuda/lib64': ['libcudart.so.11.0', 'libx.so'],
    '/cudnn': ['libcudnn_ops_infer.so.8'],
    '/usr/lib': ['libc.so.6'],
  };
  const filesOf = (folder: string): readonly string[] => folders[folder] ?? [];
  expect(shadowingFolders('/cuda/lib64::/usr/lib:/cudnn:/none', filesOf)).toEqual(['/cuda/lib64', '/cudnn']);
  expect(shadowingFolders(undefined, filesOf)).toEqual([]);
});

describe('what keeps TensorFlow from a GPU is named with what to do', () => {
  it('and nothing is if nothing does', () => {
    expect(nvidiaProblems(good)).toEqual([]);
    expect(nvidiaNotes(good)).toEqual([]);
  });

  it.each([
    [{ driver: null }, 'no NVIDIA driver is loaded; install the one'],
    [{ driver: null, inContainer: true }, 'no NVIDIA driver is loaded; start the container with its GPUs'],
    [{ driver: '470.82.01' }, 'driver 470.82.01 is older than 525'],
    [{ libcuda: 'not found' }, 'libcuda.so.1 cannot be loaded (not found); install'],
    [{ files: [] }, 'there is no /dev/nvidia0'],
    [{ files: [{ path: '/dev/nvidia0', open: false }] }, '/dev/nvidia0 may not be opened'],
    [{ visibleDevices: '' }, 'CUDA_VISIBLE_DEVICES hides all GPUs'],
    [{ gpus: parseGpus('V100, 7.0, Prohibited, [N/A], 16 GiB') }, 'compute mode PROHIBITED'],
    [{ shadowing: ['/cuda'] }, 'LD_LIBRARY_PATH names /cuda'],
  ] as const)('%j', (facts, message) => {
    expect(problem(facts)).toContain(message);
    expect(problem(facts).split('\n')).toHaveLength(1);
  });

  it('and so is what makes workers share badly', () => {
    const exclusive = parseGpus('A100, 8.0, Exclusive_Process, Disabled, 40 GiB');
    expect(nvidiaNotes({ ...good, gpus: exclusive })).toEqual([expect.stringContaining('EXCLUSIVE_PROCESS')]);
    const divided = parseGpus('A100, 8.0, Default, Enabled, 40 GiB');
    expect(nvidiaNotes({ ...good, gpus: divided, slices: 3 })).toEqual([
      expect.stringContaining('into 3 slices'),
    ]);
  });
});
