import { readdirSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { SolverProgress } from '../../src/defenses/defense.ts';
import { dropPixels } from '../../src/defenses/tvm/dropout.ts';
import { solveImage, type TvmParameters } from '../../src/defenses/tvm/tvm.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import type { JsonObject } from '../../src/values/json.ts';
import { toFloats } from '../../src/values/slices.ts';
import { madeUp } from '../kernels/tvm-problems.ts';
import { hasWebgpu, readyBackends } from '../tensors/backends.ts';
import { sharedData } from '../stages/shared-data.ts';
import { transformOnce } from './opened.ts';

const paper: TvmParameters = {
  keep: 0.5,
  lambda: 0.03,
  mask: 'pixel-channel',
  tv: 'isotropic',
  draws: 1,
  solver: 'exact',
  tolerance: 1e-3,
};
const recipe = (params: Partial<TvmParameters> = {}) =>
  ({
    kind: 'transform',
    steps: [{ name: 'tvm', params: { ...paper, ...params } as unknown as JsonObject }],
  }) as const;
const seed = [1, 2] as const;

describe('dropPixels', () => {
  const image = madeUp(64, 64, 3, 1, 1);
  const dropped = (mask: 'pixel-channel' | 'pixel', keep = 0.5, draw = 0, id = 7) =>
    dropPixels(image, 3, { keep, mask }, { seed, draw }, id);

  it('keeps each value with the given probability, as it is', () => {
    const result = dropped('pixel-channel', 0.3);
    const kept = result.filter((value) => value >= 0).length / result.length;
    // Five standard deviations of 12,288 draws.
    expect(Math.abs(kept - 0.3)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / result.length));
    result.forEach((value, i) => expect(value === -1 || value === image[i]).toBe(true));
  });

  it('drops channels together with mask pixel, and apart with pixel-channel', () => {
    const mixed = (values: Float32Array): number => {
      let count = 0;
      for (let i = 0; i < values.length; i += 3) {
        const kept = [0, 1, 2].filter((c) => values[i + c]! >= 0).length;
        if (kept === 1 || kept === 2) count++;
      }
      return count / (values.length / 3);
    };
    expect(mixed(dropped('pixel'))).toBe(0);
    expect(mixed(dropped('pixel-channel'))).toBeCloseTo(0.75, 1);
  });

  it('draws by seed, draw and id', () => {
    expect(dropped('pixel')).toEqual(dropped('pixel'));
    expect(dropped('pixel', 0.5, 1)).not.toEqual(dropped('pixel'));
    expect(dropped('pixel', 0.5, 0, 8)).not.toEqual(dropped('pixel'));
  });

  it('names the image that holds a NaN, and takes what is beyond [0, 1] for its end', () => {
    expect(() => dropPixels(Float32Array.of(0.5, NaN), 1, paper, { seed, draw: 0 }, 41)).toThrow('image 41');
    const all = dropPixels(Float32Array.of(-0.5, 1.5), 1, { ...paper, keep: 1 }, { seed, draw: 0 }, 0);
    expect([...all]).toEqual([0, 1]);
  });
});

describe('the transform', () => {
  const [rows, height, width, channels] = [3, 20, 17, 3];
  const size = height * width * channels;
  const pixels = madeUp(rows * height, width, channels, 1, 3);
  const ids = Int32Array.of(5, 2, 9);

  it('gives the same bytes for images one by one as for all at once', async () => {
    const together = await transformOnce(recipe(), pixels, [rows, height, width, channels], {
      seed,
      draw: 1,
      ids,
    });
    for (const row of [0, 1, 2]) {
      const one = pixels.slice(row * size, (row + 1) * size);
      const draw = { seed, draw: 1, ids: ids.slice(row, row + 1) };
      expect(await transformOnce(recipe(), one, [1, height, width, channels], draw)).toEqual(
        together.subarray(row * size, (row + 1) * size),
      );
    }
  });

  it.each([
    [8, 16, 3],
    [13, 11, 1],
    [9, 24, 4],
  ])('solves images of %d×%d×%d with the pixels that dropPixels drops', async (h, w, c) => {
    const image = madeUp(h, w, c, 1, 5);
    for (const mask of ['pixel', 'pixel-channel'] as const) {
      const draw = { seed, draw: 3, ids: Int32Array.of(6) };
      const expected = dropPixels(image, c, { keep: 0.6, mask }, draw, 6);
      solveImage(expected, [h, w, c], paper);
      const solved = await transformOnce(recipe({ keep: 0.6, mask }), image, [1, h, w, c], draw);
      expect(solved).toEqual(expected);
    }
  });

  it('is the identity where all is kept and λ is 0', async () => {
    const draw = { seed, draw: 0, ids };
    const same = await transformOnce(
      recipe({ keep: 1, lambda: 0 }),
      pixels,
      [rows, height, width, channels],
      draw,
    );
    expect(same).toEqual(pixels);
  });

  it('gives ½ where nothing is kept', async () => {
    const draw = { seed, draw: 0, ids };
    const grey = await transformOnce(recipe({ keep: 0 }), pixels, [rows, height, width, channels], draw);
    for (const value of grey) expect(value).toBeCloseTo(0.5, 6);
  });

  it.each([
    [1, 1, 1],
    [2, 1, 3],
    [1, 9, 1],
    [2, 2, 4],
    [31, 5, 1],
  ])('takes images of %d×%d×%d', async (h, w, c) => {
    for (const solver of ['exact', 'fb'] as const) {
      const image = madeUp(h, w, c, 1, 4);
      const result = await transformOnce(recipe({ solver }), image, [1, h, w, c], {
        seed,
        draw: 0,
        ids: Int32Array.of(0),
      });
      expect(result).toHaveLength(image.length);
      for (const value of result) expect(value >= 0 && value <= 1).toBe(true);
    }
  });

  it.each([
    ...(readyBackends.includes('tensorflow') ? ['tensorflow' as const] : []),
    ...(hasWebgpu ? ['webgpu' as const] : []),
  ])('computed on %s is near what the kernel computes', async (form) => {
    const shape = [rows, height, width, channels] as const;
    const draw = { seed, draw: 0, ids };
    const here = toFloats(await transformOnce(recipe({ tolerance: 1e-4 }), pixels, shape, draw));
    // Without its backend the form is not available, and the kernel takes its place.
    const instead = await transformOnce(recipe({ tolerance: 1e-4, form }), pixels, shape, draw);
    expect(instead).toEqual(here);
    await openBackend(form);
    const there = toFloats(await transformOnce(recipe({ tolerance: 1e-4, form }), pixels, shape, draw));
    await openBackend('wasm');
    // Minimisers of dropped pixels may differ; on the whole they do not.
    const mean = here.reduce((sum, value, i) => sum + Math.abs(value - there[i]!), 0) / here.length;
    expect(mean).toBeGreaterThan(0);
    expect(mean).toBeLessThan(2 / 255);
  });

  it('reports for each image how near it came', async () => {
    const solved: (readonly [number, SolverProgress])[] = [];
    const onSolved = (id: number, progress: SolverProgress): void => void solved.push([id, progress]);
    await transformOnce(recipe(), pixels, [rows, height, width, channels], { seed, draw: 0, ids, onSolved });
    expect(solved.map(([id]) => id)).toEqual([...ids]);
    for (const [, { gap, converged }] of solved) {
      expect(converged).toBe(true);
      expect(gap).toBeLessThanOrEqual(1e-3);
    }
  });
});

describe('solveImage', () => {
  it('computes in float64 below a tolerance of 1e-5', () => {
    const image = madeUp(40, 38, 2, 0.5, 1);
    const rough = image.slice();
    const fine = image.slice();
    const less = solveImage(rough, [40, 38, 2], { ...paper, tolerance: 1e-3 });
    const more = solveImage(fine, [40, 38, 2], { ...paper, tolerance: 1e-7 });
    expect(more).toMatchObject({ converged: true });
    expect(more.gap).toBeLessThanOrEqual(1e-7);
    expect(more.objective).toBeLessThan(less.objective);
    rough.forEach((value, i) => expect(Math.abs(value - fine[i]!)).toBeLessThan(0.1));
  });

  it('knows no gap of the solvers of others', () => {
    const image = madeUp(12, 11, 1, 1, 1);
    for (const solver of ['skimage', 'fb'] as const) {
      expect(solveImage(image.slice(), [12, 11, 1], { ...paper, solver }).gap).toBeNull();
    }
  });
});

const photographs = sharedData('imagenet-sample/val');

describe.runIf(photographs !== null)('on photographs of 224×224', () => {
  const dimensions = [224, 224, 3] as const;
  const read = async (count: number): Promise<readonly Float32Array[]> => {
    const files = readdirSync(photographs!, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`)
      .sort();
    const every = Math.floor(files.length / count);
    return Promise.all(
      Array.from({ length: count }, async (_, k) => {
        const file = sharp(files[k * every])
          .resize(224, 224, { fit: 'cover' })
          .removeAlpha();
        return Float32Array.from(await file.toColourspace('srgb').raw().toBuffer(), (byte) => byte / 255);
      }),
    );
  };

  it.each([0.5, 1])('comes within 1e-3 of the least objective (keep %d)', async (keep) => {
    for (const [id, photo] of (await read(4)).entries()) {
      const image = dropPixels(photo, 3, { ...paper, keep }, { seed, draw: 0 }, id);
      const usual = solveImage(image.slice(), dimensions, paper);
      const near = solveImage(image, dimensions, { ...paper, tolerance: keep === 1 ? 1e-4 : 2e-4 });
      expect(usual).toMatchObject({ converged: true });
      expect(usual.gap).toBeLessThanOrEqual(1e-3);
      // The least objective lies between near.objective and near.objective · (1 − gap).
      expect(usual.objective).toBeLessThanOrEqual(near.objective * 1.001);
    }
  });

  it('errs at the border as it errs in the centre, within 2 grey levels', async () => {
    const photos = await read(24);
    const errors = { border: 0, centre: 0 };
    for (const [id, photo] of photos.entries()) {
      const image = dropPixels(photo, 3, paper, { seed, draw: 0 }, id);
      solveImage(image, dimensions, paper);
      const rowError = (y: number): number => {
        let sum = 0;
        for (let i = y * 672; i < (y + 1) * 672; i++) sum += image[i]! - photo[i]!;
        return (255 * sum) / 672;
      };
      errors.border += (rowError(0) + rowError(223)) / 2 / photos.length;
      for (let y = 56; y < 168; y++) errors.centre += rowError(y) / 112 / photos.length;
    }
    expect(Math.abs(errors.border - errors.centre)).toBeLessThan(2);
  });
});
