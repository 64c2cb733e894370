import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parallelism } from '../../src/cli/parallelism.ts';

it('wasm gets a worker a core, or as many as asked for, of one thread each', () => {
  expect(parallelism('wasm', 6)).toEqual({ workers: 6, threads: 1 });
  expect(parallelism('wasm', 6, 3)).toEqual({ workers: 3, threads: 1 });
});

it('a cell alone on TensorFlow has all cores of a small machine', () => {
  expect(parallelism('tensorflow', 1)).toEqual({ workers: 1, threads: 1 });
  expect(parallelism('tensorflow', 2)).toEqual({ workers: 2, threads: 2 });
  expect(parallelism('tensorflow', 8)).toEqual({ workers: 2, threads: 8 });
  expect(parallelism('tensorflow', 16)).toEqual({ workers: 4, threads: 8 });
  expect(parallelism('tensorflow', 16, 1)).toEqual({ workers: 1, threads: 16 });
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
