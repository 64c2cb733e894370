/** The graphs that compile kernels for a GPU, run on TensorFlow's build for the CPU as a check that each of them runs. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { isOnCuda, warmUp, warmUpSteps } from '../../src/cli/warm-up.ts';
import { oneDnnVariable } from '../../src/setup/one-dnn.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { readyBackends } from '../tensors/backends.ts';
import { type Operation, operationsOf } from '../tensors/tensorflow/operations.ts';

/** Kernels for GPUs of TensorFlow's wheel, which `scripts/gpu-kernels.py` lists: the types that each takes. */
const gpuKernels = JSON.parse(
  readFileSync(new URL('../tensors/tensorflow/gpu-kernels.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, readonly Readonly<Record<string, readonly number[]>>[]>>;

/** Whether TensorFlow computes an operation on a GPU; otherwise its tensors would cross the bus in the middle of a function. */
function hasGpuKernel({ name, types }: Operation): boolean {
  return (gpuKernels[name] ?? []).some((kernel) =>
    Object.entries(kernel).every(
      ([attribute, allowed]) => types[attribute] === undefined || allowed.includes(types[attribute]),
    ),
  );
}

const isReady = readyBackends.includes('tensorflow');
if (!isReady)
  process.stderr.write('SKIPPED: the graphs of the set-up for GPUs, for TensorFlow is not ready\n');

describe.skipIf(!isReady)('the graphs of the set-up for GPUs', () => {
  beforeAll(() => openBackend('tensorflow'));

  it('run, have kernels for GPUs alone, give finite numbers, are reported one by one and leave no tensor behind', async () => {
    const lines: string[] = [];
    const before = tf.memory().numTensors;
    // Without oneDNN's own operations, which the build for GPUs does not take.
    vi.stubEnv(oneDnnVariable, '0');
    const operations = await operationsOf(async () => {
      expect(await warmUp((line) => lines.push(line))).toBeGreaterThan(0);
    });
    vi.unstubAllEnvs();
    expect(operations.filter((operation) => !hasGpuKernel(operation))).toEqual([]);
    expect(operations.length).toBeGreaterThan(90);
    expect(tf.memory().numTensors).toBe(before);
    expect(lines.map((line) => line.replace(/ \(\d+\.\d s\)$/, ''))).toEqual(
      warmUpSteps.map(({ name }, index) => `${index + 1} of ${warmUpSteps.length}: ${name}`),
    );
    expect(isOnCuda()).toBe(false);
  });
});
