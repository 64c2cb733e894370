import { describe, expect, it } from 'vitest';
import { minimiseByTensors } from '../../src/kernels/tvm/tensors.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { readyBackends } from '../tensors/backends.ts';
import { imageObjective, leastObjective, madeUp } from './tvm-problems.ts';

describe.each(readyBackends)('total variation by TensorFlow.js operations on %s', (backend) => {
  it.each([
    [2, 15, 12, 3, 0.5, 'isotropic'],
    [2, 9, 8, 1, 1, 'anisotropic'],
    [1, 1, 4, 2, 0.5, 'isotropic'],
    [2, 6, 5, 2, 0, 'isotropic'],
  ] as const)(
    'agrees with the definition on %d images of %d×%d×%d (keep %d, %s), and leaves no tensor',
    async (rows, height, width, channels, keep, tv) => {
      await openBackend(backend);
      const variation = { lambda: 0.03, tv };
      const size = height * width * channels;
      const images = madeUp(rows * height, width, channels, keep, 7);
      const solved = images.slice();
      const tensors = tf.memory().numTensors;
      const progress = await minimiseByTensors(solved, [rows, height, width, channels], variation, {
        tolerance: 1e-3,
        limit: 2000,
      });
      expect(tf.memory().numTensors).toBe(tensors);
      for (let row = 0; row < rows; row++) {
        const image = images.subarray(row * size, (row + 1) * size);
        const least = leastObjective(image, [height, width, channels], variation, 1e-5);
        const result = solved.subarray(row * size, (row + 1) * size);
        const objective = imageObjective(image, result, [height, width, channels], variation);
        expect(progress[row]).toMatchObject({ converged: true });
        expect(objective).toBeLessThanOrEqual(least * (1 + 2 * progress[row]!.gap) + 1e-6);
        expect(objective).toBeLessThanOrEqual(least * (keep === 1 ? 1.0011 : 1.002) + 1e-6);
      }
    },
  );
});
