import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocatorVariables, gpuShare, parallelism } from '../../src/cli/parallelism.ts';

it('wasm gets a worker a core, or as many as asked for, of one thread each', () => {
  expect(parallelism('wasm', 6)).toMatchObject({ workers: 6, threads: 1 });
  expect(parallelism('wasm', 6, 3)).toMatchObject({ workers: 3, threads: 1 });
});

it('a cell alone on TensorFlow has all cores of a small machine', () => {
  expect(parallelism('tensorflow', 1)).toMatchObject({ workers: 1, threads: 1 });
  expect(parallelism('tensorflow', 2)).toMatchObject({ workers: 2, threads: 2 });
  expect(parallelism('tensorflow', 8)).toMatchObject({ workers: 2, threads: 8 });
  expect(parallelism('tensorflow', 16)).toMatchObject({ workers: 4, threads: 8 });
  expect(parallelism('tensorflow', 16, 1)).toMatchObject({ workers: 1, threads: 16 });
});

it('TensorFlow has no more than two threads a core in all, and one a worker at least', () => {
  const count = fc.integer({ min: 1, max: 300 });
  fc.assert(
    fc.property(count, fc.option(count, { nil: undefined }), (cores, jobs) => {
      const { workers, threads } = parallelism('tensorflow', cores, jobs);
      expect(threads).toBeGreaterThanOrEqual(1);
      expect(threads).toBeLessThanOrEqual(cores);
      expect(workers * threads).toBeLessThanOrEqual(Math.max(2 * cores, workers));
    }),
  );
});

it('a worker of TensorFlow has as many arenas as threads, unless the user says another number', () => {
  expect(allocatorVariables('tensorflow', 8, {})).toEqual({ MALLOC_ARENA_MAX: '8' });
  expect(allocatorVariables('tensorflow', 1, {})).toEqual({ MALLOC_ARENA_MAX: '2' });
  expect(allocatorVariables('tensorflow', 8, { MALLOC_ARENA_MAX: '1' })).toEqual({});
  expect(allocatorVariables('wasm', 1, {})).toEqual({});
});

describe('TensorFlow with CUDA', () => {
  const shares = (gpus: readonly string[], jobs?: number) => {
    const { workers, hostWorkers, environments } = parallelism('tensorflow', 16, jobs, gpus);
    const devices = environments.map(({ CUDA_VISIBLE_DEVICES }) => CUDA_VISIBLE_DEVICES);
    expect(devices).toHaveLength(gpus.length === 0 ? 0 : workers);
    return { devices: devices.slice(0, workers - hostWorkers), others: devices.slice(workers - hostWorkers) };
  };
  const hidden = Array.from({ length: 8 }, () => '');

  it('has one worker a GPU or slice, and others that see none', () => {
    expect(shares([])).toEqual({ devices: [], others: [] });
    expect(shares(['0'])).toEqual({ devices: ['0'], others: hidden });
    expect(shares(['0', '1', '2', '3'])).toEqual({ devices: ['0', '1', '2', '3'], others: hidden });
    expect(shares(['MIG-1', 'MIG-2'])).toEqual({ devices: ['MIG-1', 'MIG-2'], others: hidden });
  });

  it('has as many workers on the GPUs as -j says, in turn', () => {
    expect(shares(['0', '1'], 3)).toEqual({ devices: ['0', '1', '0'], others: hidden });
    expect(parallelism('tensorflow', 16, 3, ['0', '1']).threads).toBe(5);
    expect(parallelism('tensorflow', 1, undefined, ['0'])).toMatchObject({
      workers: 2,
      hostWorkers: 1,
      threads: 1,
    });
  });

  it('divides the memory of a GPU among the workers that share it', () => {
    const ofWorkers = (gpus: readonly string[], jobs: number, memory: number | null) =>
      parallelism('tensorflow', 4, jobs, gpus, () => memory).environments.map(
        ({ RAVELIN_GPU_SHARE }) => RAVELIN_GPU_SHARE,
      );
    const none = undefined;
    expect(ofWorkers(['0', '1'], 2, 80 * 2 ** 30)).toEqual([none, none, none, none]);
    // Two on the first GPU, one on the second, one without.
    expect(ofWorkers(['0', '1'], 3, null)).toEqual(['0.425', none, '0.425', none]);
    expect(ofWorkers(['0'], 4, 80 * 2 ** 30)).toEqual(['0.228', '0.228', '0.228', '0.228', none]);
  });

  it('leaves each worker what CUDA takes beside TensorFlow, and half of a small GPU to TensorFlow', () => {
    const gibibytes = 2 ** 30;
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 16 }), fc.integer({ min: 4, max: 200 }), (workers, size) => {
        const share = gpuShare(workers, size * gibibytes);
        expect(share * workers).toBeLessThanOrEqual(1);
        const outside = (1 - share * workers) * size * gibibytes;
        const enough = outside >= workers * 1800 * 2 ** 20;
        expect(enough || Math.abs(share * workers - 0.5) < 0.001 * workers).toBe(true);
      }),
    );
  });
});
