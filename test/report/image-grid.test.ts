import sharp from 'sharp';
import { expect, test } from 'vitest';
import { differenceTile, drawImageGrid, layoutImageGrid } from '../../src/report/image-grid.ts';
import type { ImageGrid, Tile } from '../../src/report/image-grid.ts';

const grey = (...pixels: number[]): Tile => ({
  pixels: Float32Array.from(pixels),
  height: 2,
  width: 2,
  channels: 1,
});

async function pixelsOf(png: Uint8Array): Promise<(x: number, y: number) => readonly number[]> {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect(info.channels).toBe(3);
  return (x, y) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)];
}

test('every source pixel becomes a square of its own colour at its place', async () => {
  const colour: Tile = {
    pixels: Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7]),
    height: 2,
    width: 2,
    channels: 3,
  };
  const grid = {
    title: 'title',
    columns: ['seven', 'two'],
    rows: [{ label: 'original', tiles: [grey(0, 1, 0.5, 2), colour] }],
  };
  const layout = layoutImageGrid(grid);
  expect(layout.zoom).toBe(48);
  const at = await pixelsOf(await drawImageGrid(grid));
  const [top, zoom] = [layout.tops[0]!, layout.zoom];
  for (const [column, expected] of [
    [
      0,
      [
        [0, 0, 0],
        [255, 255, 255],
        [128, 128, 128],
        [255, 255, 255],
      ],
    ],
    [
      1,
      [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [9, 8, 7],
      ],
    ],
  ] as const) {
    for (const [index, value] of expected.entries()) {
      const left = layout.lefts[column]! + (index % 2) * zoom;
      const upper = top + Math.floor(index / 2) * zoom;
      expect(at(left, upper)).toEqual(value);
      expect(at(left + zoom - 1, upper + zoom - 1)).toEqual(value);
    }
  }
});

test('labels are drawn, a missing tile stays white and NaN is magenta', async () => {
  const grid = {
    title: '',
    columns: ['a', 'b'],
    rows: [{ label: 'row', tiles: [grey(NaN, 0, 0, 0), null] }],
  };
  const layout = layoutImageGrid(grid);
  const at = await pixelsOf(await drawImageGrid(grid));
  expect(at(layout.lefts[0]!, layout.tops[0]!)).toEqual([255, 0, 255]);
  expect(at(layout.lefts[1]! + 20, layout.tops[0]! + 20)).toEqual([255, 255, 255]);
  let ink = 0;
  for (let x = 0; x < layout.lefts[0]!; x++)
    for (let y = 0; y < layout.height; y++) if (at(x, y)[0]! < 100) ink++;
  expect(ink).toBeGreaterThan(10);
});

test('a difference is scaled around grey', () => {
  expect(
    [...differenceTile(grey(0.5, 0.5, 0.25, 0), grey(0.5, 0.51, 0.2, 1), 10).pixels].map(
      (value) => Math.round(value * 100) / 100,
    ),
  ).toEqual([0.5, 0.6, 0, 10.5]);
});

test('large images are not enlarged', () => {
  const large: Tile = { pixels: new Uint8Array(224 * 224 * 3), height: 224, width: 224, channels: 3 };
  expect(layoutImageGrid({ title: '', columns: [''], rows: [{ label: '', tiles: [large] }] })).toMatchObject({
    zoom: 1,
    tileWidth: 224,
  });
});

test('puts a heading that is wider than its tile into two lines, so that its number is not cut off', () => {
  const grid = (columns: readonly string[]): ImageGrid => ({
    title: '',
    columns,
    rows: [
      {
        label: '',
        tiles: columns.map(() => ({ pixels: new Uint8Array(1024), height: 32, width: 32, channels: 1 })),
      },
    ],
  });
  const top = (...columns: readonly string[]): number => layoutImageGrid(grid(columns)).tops[0]!;
  expect(top('')).toBeLessThan(top('original'));
  expect(top('original', 'dissimilarity 0')).toBe(top('original'));
  expect(top('original', 'dissimilarity 0.02')).toBe(top('original') + 14);
});
