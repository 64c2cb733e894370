/** The graphs that compile kernels for a GPU, run on TensorFlow's build for the CPU as a check that each of them runs. */
import { beforeAll, describe, expect, it } from 'vitest';
import { isOnCuda, warmUp, warmUpSteps } from '../../src/cli/warm-up.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { readyBackends } from '../tensors/backends.ts';

const isReady = readyBackends.includes('tensorflow');
if (!isReady)
  process.stderr.write('SKIPPED: the graphs of the set-up for GPUs, for TensorFlow is not ready\n');

describe.skipIf(!isReady)('the graphs of the set-up for GPUs', () => {
  beforeAll(() => openBackend('tensorflow'));

  it('run, give finite numbers, are reported one by one and leave no tensor behind', async () => {
    const lines: string[] = [];
    const before = tf.memory().numTensors;
    expect(await warmUp((line) => lines.push(line))).toBeGreaterThan(0);
    expect(tf.memory().numTensors).toBe(before);
    expect(lines.map((line) => line.replace(/ \(\d+\.\d s\)$/, ''))).toEqual(
      warmUpSteps.map(({ name }, index) => `${index + 1} of ${warmUpSteps.length}: ${name}`),
    );
    expect(isOnCuda()).toBe(false);
  });
});
