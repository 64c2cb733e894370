import { describe, expect, it } from 'vitest';
import { minimiseOnWebGpu } from '../../src/kernels/tvm/webgpu.ts';
import { hasWebgpu } from '../tensors/backends.ts';
import { imageObjective, leastObjective, madeUp } from './tvm-problems.ts';

const usual = { tolerance: 1e-3, limit: 2000 };

describe.runIf(hasWebgpu)('total variation in WGSL', () => {
  it.each([
    [3, 23, 17, 3, 0.5, 'isotropic'],
    [2, 16, 65, 1, 1, 'isotropic'],
    [2, 9, 8, 2, 0.5, 'anisotropic'],
    [1, 1, 1, 1, 1, 'isotropic'],
    [1, 5, 1, 4, 0.7, 'anisotropic'],
    [2, 6, 5, 2, 0, 'isotropic'],
  ] as const)(
    'agrees with the definition on %d images of %d×%d×%d (keep %d, %s)',
    async (rows, height, width, channels, keep, tv) => {
      const variation = { lambda: 0.03, tv };
      const size = height * width * channels;
      const images = madeUp(rows * height, width, channels, keep, 7);
      const solved = images.slice();
      const progress = await minimiseOnWebGpu(solved, [rows, height, width, channels], variation, usual);
      for (let row = 0; row < rows; row++) {
        const image = images.subarray(row * size, (row + 1) * size);
        const result = solved.subarray(row * size, (row + 1) * size);
        const least = leastObjective(image, [height, width, channels], variation, 1e-5);
        const objective = imageObjective(image, result, [height, width, channels], variation);
        expect(progress[row]).toMatchObject({ converged: true });
        expect(objective).toBeLessThanOrEqual(least * (1 + 2 * progress[row]!.gap) + 1e-6);
        expect(objective).toBeLessThanOrEqual(least * (keep === 1 ? 1.0011 : 1.002) + 1e-6);
        for (const value of result) expect(value >= 0 && value <= 1).toBe(true);
      }
    },
  );

  it('gives an image the same bits alone as in a batch with slower ones', async () => {
    const variation = { lambda: 0.03, tv: 'isotropic' } as const;
    const easy = new Float32Array(20 * 20).fill(0.4);
    const hard = madeUp(20, 20, 1, 0.5, 7);
    const both = Float32Array.from([...hard, ...easy, ...madeUp(20, 20, 1, 0.9, 8)]);
    const alone = hard.slice();
    const progress = await minimiseOnWebGpu(both, [3, 20, 20, 1], variation, usual);
    await minimiseOnWebGpu(alone, [1, 20, 20, 1], variation, usual);
    expect(both.subarray(0, 400)).toEqual(alone);
    expect(both.subarray(400, 800)).toEqual(easy);
    expect(progress[1]!.iterations).toBe(0);
    expect(progress[0]!.iterations).toBeGreaterThan(0);
  });

  it('says when the iteration limit came first', async () => {
    const images = madeUp(30, 30, 1, 0.5, 7);
    const stopping = { tolerance: 1e-6, limit: 40 };
    const [progress] = await minimiseOnWebGpu(
      images,
      [1, 30, 30, 1],
      { lambda: 0.1, tv: 'isotropic' },
      stopping,
    );
    expect(progress).toMatchObject({ converged: false, iterations: 40 });
  });
});
