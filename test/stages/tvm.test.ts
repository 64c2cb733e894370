import { afterEach, describe, expect, it, vi } from 'vitest';
import { transformImages } from '../defenses/opened.ts';
import { dropPixels } from '../../src/defenses/tvm/dropout.ts';
import { solveImage } from '../../src/defenses/tvm/tvm.ts';
import { numericIdentity, probeBackend } from '../../src/tensors/backend.ts';
import type { Images } from '../../src/values/images.ts';
import type { Transform } from '../../src/values/transform.ts';
import { madeUp } from '../kernels/tvm-problems.ts';
import { readyBackends } from '../tensors/backends.ts';
import { failureOf, runStage, stageOf } from './run-stage.ts';

const count = 3;
const images: Images = {
  kind: 'images',
  pixels: madeUp(count * 16, 14, 3, 1, 2),
  shape: [count, 16, 14, 3],
  views: 1,
  labels: Int32Array.of(0, 1, 2),
  ids: Int32Array.of(10, 11, 12),
  classes: [],
};

const hasTensorflow = readyBackends.includes('tensorflow');

describe.skipIf(!hasTensorflow)('defense/tvm on tensorflow', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('names the form in its recipe if TensorFlow solves it, and the numeric identity then differs', async () => {
    const run = async () => {
      const { outputs } = await runStage('defense/tvm', {}, { inputs: { images }, backend: 'tensorflow' });
      const { steps } = outputs['transform'] as Transform;
      return {
        made: outputs['images'] as Images,
        params: steps[0]!.params,
        ...numericIdentity('tensorflow'),
      };
    };
    vi.stubEnv('RAVELIN_TENSORFLOW_KERNELS', '0');
    const byKernel = await run();
    vi.stubEnv('RAVELIN_TENSORFLOW_KERNELS', '1');
    const byFunctions = await run();
    // The build for GPUs always solves it.
    const isOnGpu = probeBackend('tensorflow').device?.kind === 'gpu';
    expect('form' in byKernel.params).toBe(isOnGpu);
    expect(byFunctions.params).toMatchObject({ form: 'tensorflow' });
    expect(byFunctions.version.includes('-kernels+')).toBe(!isOnGpu);
    expect(byKernel.version).not.toContain('-kernels');
    // Near, and not to the bit.
    const differences = byFunctions.made.pixels.map((value, at) =>
      Math.abs(value - byKernel.made.pixels[at]!),
    );
    expect(Math.max(...differences)).toBeLessThan(0.05);
    if (!isOnGpu) expect(Math.max(...differences)).toBeGreaterThan(0);
  });
});

describe('defense/tvm', () => {
  it('gives `draws` views of each image, and a recipe that gives the same ones', async () => {
    const { outputs, metrics, warnings } = await runStage(
      'defense/tvm',
      { draws: 2 },
      { inputs: { images } },
    );
    const [made, transform] = [outputs['images'] as Images, outputs['transform'] as Transform];
    expect(made).toMatchObject({ views: 2, shape: [2 * count, 16, 14, 3], ids: images.ids });
    const size = 16 * 14 * 3;
    expect(made.pixels.slice(0, size)).not.toEqual(made.pixels.slice(size, 2 * size));
    expect((await transformImages(transform, images)).pixels).toEqual(made.pixels);
    expect(metrics['largest gap']).toBeLessThanOrEqual(1e-3);
    expect(warnings).toEqual([]);
  });

  it('warns when the iteration limit came before the tolerance', async () => {
    // A λ this large joins the whole image, one pixel an iteration.
    const wide: Images = {
      ...images,
      pixels: madeUp(4, 1500, 1, 1, 2),
      shape: [1, 4, 1500, 1],
      ids: Int32Array.of(10),
    };
    const { warnings } = await runStage('defense/tvm', { keep: 1, lambda: 10 }, { inputs: { images: wide } });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/iteration limit for 1 of 1 images; the largest gap is .* \(image 10\)/);
  });

  it('names the image that holds a NaN', async () => {
    const pixels = Float32Array.from(images.pixels);
    pixels[16 * 14 * 3] = NaN;
    const failure = await failureOf(
      runStage('defense/tvm', {}, { inputs: { images: { ...images, pixels } } }),
    );
    expect(failure.message).toContain('image 11');
  });

  it('with tv: groups reaches its tolerance too, and differs from the variation of pixels', async () => {
    const run = async (params: object) => runStage('defense/tvm', { ...params }, { inputs: { images } });
    const { outputs, metrics } = await run({ tv: 'groups', mask: 'pixel' });
    expect(metrics['largest gap']).toBeLessThanOrEqual(1e-3);
    const [made, recipe] = [outputs['images'] as Images, outputs['transform'] as Transform];
    expect(made.pixels).not.toEqual(((await run({ mask: 'pixel' })).outputs['images'] as Images).pixels);
    // The same pixels are dropped, and each image is solved by itself.
    const size = 16 * 14 * 3;
    const expected = dropPixels(
      Float32Array.from(images.pixels.subarray(size, 2 * size)),
      3,
      { keep: 0.5, mask: 'pixel' },
      { seed: recipe.seed!, draw: 0 },
      11,
    );
    solveImage(expected, [16, 14, 3], { lambda: 0.03, tv: 'groups', tolerance: 1e-3, solver: 'exact' });
    expect(made.pixels.slice(size, 2 * size)).toEqual(expected);
  });

  it('refuses dropped pixels with solver: skimage, and λ = 0 with the solvers of others', () => {
    const problems = (params: object) =>
      stageOf('defense/tvm').check!(params as never).map(({ path }) => path.join('.'));
    expect(problems({ solver: 'skimage', keep: 0.5, lambda: 0.03 })).toEqual(['keep']);
    expect(problems({ solver: 'fb', keep: 0.5, lambda: 0 })).toEqual(['lambda']);
    expect(problems({ solver: 'exact', keep: 0.5, lambda: 0 })).toEqual([]);
    expect(problems({ solver: 'fb', keep: 0.5, lambda: 1, tv: 'groups' })).toEqual(['tv']);
    expect(problems({ solver: 'exact', keep: 0.5, lambda: 0, tv: 'groups' })).toEqual([]);
  });
});
