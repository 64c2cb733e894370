import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../src/tensors/random.ts';
import { drawWindow, resizedCrop, resizeWindow } from '../../src/training/resized-crop.ts';

const { windows } = JSON.parse(
  readFileSync(new URL('../reference/training.json', import.meta.url), 'utf8'),
) as {
  readonly windows: readonly {
    readonly height: number;
    readonly width: number;
    readonly window: readonly [number, number, number, number];
    readonly resized: readonly number[];
  }[];
};

function pattern(height: number, width: number): Float32Array {
  return Float32Array.from({ length: height * width * 3 }, (_, index) => {
    const [y, x, c] = [Math.floor(index / (width * 3)), Math.floor(index / 3) % width, index % 3];
    return ((37 * y + 91 * x + 13 * c) % 256) / 255;
  });
}

describe('resizeWindow', () => {
  it.each(windows)(
    'resizes $window of $height × $width as torch does',
    ({ height, width, window, resized }) => {
      const [top, left, down, across] = window;
      const target = new Float32Array(height * width * 3);
      const place = { top, left, height: down, width: across };
      resizeWindow(pattern(height, width), target, [height, width, 3], place, false);
      resized.forEach((value, index) => expect(Math.abs(target[index]! - value)).toBeLessThan(2e-6));
      const mirrored = new Float32Array(target.length);
      resizeWindow(pattern(height, width), mirrored, [height, width, 3], place, true);
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          expect(mirrored[(y * width + width - 1 - x) * 3]).toBe(target[(y * width + x) * 3]);
    },
  );
});

describe('drawWindow', () => {
  it('draws windows inside the image, of the shares and ratios that are allowed', () => {
    const areas: number[] = [];
    for (let draw = 0; draw < 4000; draw++) {
      const { top, left, height, width } = drawWindow(
        randomStream([1, 2], draw),
        [200, 300],
        [0.08, 1],
        [3 / 4, 4 / 3],
      );
      expect(top).toBeGreaterThanOrEqual(0);
      expect(left).toBeGreaterThanOrEqual(0);
      expect(top + height).toBeLessThanOrEqual(200);
      expect(left + width).toBeLessThanOrEqual(300);
      // Sides are rounded to whole pixels.
      expect(width / height).toBeGreaterThan(0.74);
      expect(width / height).toBeLessThan(1.35);
      areas.push((height * width) / 60_000);
    }
    expect(Math.min(...areas)).toBeGreaterThan(0.078);
    // Windows that do not fit are drawn again, so that large ones are rarer than a uniform share would make them.
    const mean = areas.reduce((sum, area) => sum + area, 0) / areas.length;
    expect(mean).toBeGreaterThan(0.35);
    expect(mean).toBeLessThan(0.54);
  });

  it('takes the central part where no window fits', () => {
    const narrow = drawWindow(randomStream([3, 4]), [10, 1000], [1, 1], [3 / 4, 4 / 3]);
    expect(narrow).toEqual({ top: 0, left: 493, height: 10, width: 13 });
    const high = drawWindow(randomStream([3, 4]), [1000, 9], [1, 1], [3 / 4, 4 / 3]);
    expect(high).toEqual({ top: 494, left: 0, height: 12, width: 9 });
  });

  it('of the whole area and the ratio of the image is the image', () => {
    expect(drawWindow(randomStream([3, 4]), [12, 12], [1, 1], [1, 1])).toEqual({
      top: 0,
      left: 0,
      height: 12,
      width: 12,
    });
  });
});

describe('resizedCrop', () => {
  const augment = resizedCrop([1, 2], { scale: [0.2, 1], ratio: [3 / 4, 4 / 3], flip: true });
  const image = pattern(6, 8);

  it('depends on epoch and image id alone', async () => {
    const alone = await augment(image, [1, 6, 8, 3], Int32Array.of(9), 3);
    const both = await augment(Float32Array.of(...image, ...image), [2, 6, 8, 3], Int32Array.of(5, 9), 3);
    expect(both.subarray(image.length)).toEqual(alone);
    expect(both.subarray(0, image.length)).not.toEqual(alone);
    expect(await augment(image, [1, 6, 8, 3], Int32Array.of(9), 4)).not.toEqual(alone);
  });

  it('never leaves the range of the image', async () => {
    for (let id = 0; id < 200; id++) {
      const result = await augment(image, [1, 6, 8, 3], Int32Array.of(id), 0);
      expect(Math.min(...result)).toBeGreaterThanOrEqual(Math.min(...image) - 1e-6);
      expect(Math.max(...result)).toBeLessThanOrEqual(Math.max(...image) + 1e-6);
    }
  });
});
