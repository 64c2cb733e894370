import { describe, expect, it } from 'vitest';
import { cropAndFlip, cropImage } from '../../src/training/augment.ts';

const rows = (values: ArrayLike<number>, width: number): string[] => {
  const text = Array.from(values).join('');
  return Array.from({ length: text.length / width }, (_, row) => text.slice(row * width, (row + 1) * width));
};

describe('cropImage', () => {
  const image = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
  const crop = (down: number, across: number, mirrored: boolean): string[] => {
    const target = new Float32Array(9);
    cropImage(image, target, [3, 3, 1], down, across, mirrored);
    return rows(target, 3);
  };

  it('moves the image and pads with zeros', () => {
    expect(crop(0, 0, false)).toEqual(['123', '456', '789']);
    expect(crop(1, 0, false)).toEqual(['456', '789', '000']);
    expect(crop(-1, 2, false)).toEqual(['000', '300', '600']);
    expect(crop(0, -1, false)).toEqual(['012', '045', '078']);
  });

  it('mirrors after cropping', () => {
    expect(crop(0, 0, true)).toEqual(['321', '654', '987']);
    expect(crop(0, -1, true)).toEqual(['210', '540', '870']);
  });
});

describe('cropAndFlip', () => {
  const augment = cropAndFlip([1, 2], { padding: 2, flip: true });
  const image = Float32Array.from({ length: 4 * 4 * 2 }, (_, index) => index + 1);

  it('depends on epoch and image id alone', async () => {
    const alone = await augment(image, [1, 4, 4, 2], Int32Array.of(9), 3);
    const both = await augment(Float32Array.of(...image, ...image), [2, 4, 4, 2], Int32Array.of(5, 9), 3);
    expect(both.subarray(32)).toEqual(alone);
    expect(both.subarray(0, 32)).not.toEqual(alone);
    expect(await augment(image, [1, 4, 4, 2], Int32Array.of(9), 4)).not.toEqual(alone);
  });

  it('reaches all 25 places and both directions', async () => {
    const results = new Set<string>();
    for (let id = 0; id < 800; id++)
      results.add(String(await augment(image, [1, 4, 4, 2], Int32Array.of(id), 0)));
    expect(results.size).toBe(50);
  });

  it('is the identity without padding and flip', async () => {
    const none = cropAndFlip([1, 2], { padding: 0, flip: false });
    expect(await none(image, [1, 4, 4, 2], Int32Array.of(1), 0)).toEqual(image);
  });
});
