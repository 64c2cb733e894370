import { describe, expect, test } from 'vitest';
import { createCanvas } from '../../src/dashboard/full/canvas.ts';
import { createAnswerReader, type Graphics, type PlacedPicture } from '../../src/dashboard/full/graphics.ts';
import { deleteKitty, encodeKitty } from '../../src/dashboard/full/kitty.ts';
import { picturesInPixels } from '../../src/dashboard/full/placed-pictures.ts';
import { scaledPicture } from '../../src/dashboard/full/scaled-picture.ts';
import { encodeSixel } from '../../src/dashboard/full/sixel.ts';
import { readKitty, readSixels } from '../terminal/graphics.ts';

/** Pixels of which no two neighbours are equal. */
function noise(width: number, height: number, colours: number): Uint8Array {
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
  const palette = Array.from({ length: colours }, () => [next(), next(), next()]);
  return Uint8Array.from({ length: 3 * width * height }, (_, index) => {
    const pixel = Math.floor(index / 3);
    const colour = palette[Math.floor((pixel * 7919 + Math.floor(pixel / width)) % colours)]!;
    return Math.floor(256 * colour[index % 3]!);
  });
}

function largestDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}

describe('sixels', () => {
  test.each([
    [1, 1, 1],
    [5, 6, 2],
    [17, 13, 40],
    [64, 31, 256],
  ])('of %i × %i pixels in %i colours are the pixels, up to a hundredth', (width, height, colours) => {
    const rgb = noise(width, height, colours);
    const [drawn] = readSixels(encodeSixel(rgb, width, height));
    expect([drawn!.width, drawn!.height]).toEqual([width, height]);
    // A channel has 101 steps.
    expect(largestDifference(drawn!.rgb, rgb)).toBeLessThanOrEqual(2);
  });

  test('of more colours have the 256 that fit best', () => {
    const ramp = Uint8Array.from({ length: 3 * 64 * 64 }, (_, index) =>
      index % 3 === 0 ? 4 * (Math.floor(index / 3) % 64) : index % 3 === 1 ? 4 * Math.floor(index / 192) : 90,
    );
    const text = encodeSixel(ramp, 64, 64);
    const [drawn] = readSixels(text);
    expect(text.match(/#\d+;2;/g)!.length).toBeLessThanOrEqual(256);
    const error =
      ramp.reduce((sum, value, index) => sum + (value - drawn!.rgb[index]!) ** 2, 0) / ramp.length;
    // 256 boxes of a plane of 64 × 64 colours: a box is 16 values wide.
    expect(error).toBeLessThan(16 ** 2 / 12);
  });

  test('count what repeats', () => {
    expect(encodeSixel(new Uint8Array(3 * 100 * 6), 100, 6)).toBe(
      '\u001BP0;1;0q"1;1;100;6#0;2;0;0;0#0!100~\u001B\\',
    );
  });
});

test('pictures in the protocol of kitty are the pixels, in pieces that a terminal takes', () => {
  const rgb = noise(90, 80, 5000);
  const text = encodeKitty(rgb, 90, 80, 7);
  expect(readKitty(text).drawn).toEqual(new Map([[7, { width: 90, height: 80, rgb }]]));
  expect(text.split('\u001B\\').length).toBeGreaterThan(3);
  for (const piece of text.split('\u001B\\')) expect(piece.length).toBeLessThan(4200);
  expect(readKitty(deleteKitty(7)).deleted).toEqual([7]);
});

test('a picture is scaled to the means of its pixels, or to more of each', () => {
  const grey = { width: 2, height: 2, channels: 1, pixels: Float32Array.of(0, 1, 1, 0) };
  expect([...scaledPicture(grey, 1, 1)]).toEqual([128, 128, 128]);
  expect([...scaledPicture(grey, 4, 1)].filter((_, index) => index % 3 === 0)).toEqual([128, 128, 128, 128]);
  const colours = { width: 1, height: 2, channels: 3, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  expect([...scaledPicture(colours, 2, 2)]).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]);
});

describe('the answers of a terminal', () => {
  const size = { columns: 100, rows: 50 };
  const kitty = '\u001B_Gi=31;OK\u001B\\';
  const read = (...typed: string[]): { keys: string; known: (Graphics | null)[] } => {
    const known: (Graphics | null)[] = [];
    const reader = createAnswerReader(
      () => size,
      (graphics) => known.push(graphics),
    );
    return { keys: typed.map((text) => reader.read(text)).join(''), known };
  };

  test.each<[string, string, Graphics | null]>([
    ['kitty', `${kitty}\u001B[6;20;9t\u001B[?62;4c`, { protocol: 'kitty', cell: { width: 9, height: 20 } }],
    ['kitty refuses', '\u001B_Gi=31;EINVAL:no\u001B\\\u001B[?62c', null],
    ['sixel', '\u001B[6;18;9t\u001B[?62;4;22c', { protocol: 'sixel', cell: { width: 9, height: 18 } }],
    [
      'sixel, by its window',
      '\u001B[4;1000;800t\u001B[?4;4c',
      { protocol: 'sixel', cell: { width: 8, height: 20 } },
    ],
    ['sixel, no size', '\u001B[6;0;0t\u001B[?65;4c', { protocol: 'sixel', cell: { width: 10, height: 20 } }],
    ['a VT420 without pictures', '\u001B[?64;22c', null],
    ['a class of 4 that has no sixels', '\u001B[?4c', null],
  ])('are understood: %s', (_, typed, graphics) => {
    const all = { keys: 'ab', known: [graphics] };
    expect(read(`a${typed}b`)).toEqual(all);
    // However they are cut, but for the escape key.
    for (let cut = 1; cut < typed.length; cut++)
      if (typed[cut - 1] !== '\u001B' || typed[cut] === '\\')
        expect(read(`a${typed.slice(0, cut)}`, `${typed.slice(cut)}b`)).toEqual(all);
  });

  test('leave all keys to the screen', () => {
    const keys = 's\u001B[A\u001B[6~\u001B[1;5C\u001Bx\u001B';
    expect(read(keys)).toEqual({ keys, known: [] });
  });
});

describe('pictures on the canvas', () => {
  const size = { columns: 60, rows: 20 };
  const cell = { width: 10, height: 20 };
  const picture = (protocol: Graphics['protocol'], key: string): PlacedPicture => ({
    key,
    graphics: { protocol, cell },
    left: 1,
    top: 1,
    width: 25,
    height: 40,
    pixels: () => noise(25, 40, 3),
  });

  test.each(['kitty', 'sixel'] as const)('in %s are drawn once, and taken away', (protocol) => {
    let written = '';
    const canvas = createCanvas((text) => (written += text));
    const area = { left: 2, top: 3, width: 40, height: 10, lines: [] };
    const flush = (pictures: readonly PlacedPicture[]): string => {
      canvas.place('a', { ...area, pictures });
      written = '';
      canvas.flush(size);
      return written;
    };
    const drawn = (text: string): number =>
      protocol === 'kitty' ? readKitty(text).drawn.size : readSixels(text).length;
    const first = flush([picture(protocol, 'one')]);
    expect(first).toContain('\u001B[5;4H\u001B' + (protocol === 'kitty' ? '_G' : 'P'));
    expect(drawn(first)).toBe(1);
    expect(flush([picture(protocol, 'one')])).toBe('');
    const second = flush([picture(protocol, 'two')]);
    expect(drawn(second)).toBe(1);
    const erased = protocol === 'kitty' ? 'a=d,d=I,i=' : '\u001B[5;4H\u001B[3X\u001B[6;4H\u001B[3X';
    expect(second.indexOf(erased)).toBeLessThan(second.indexOf(protocol === 'kitty' ? 'a=T' : '\u001BP'));
    expect(second).toContain(erased);
    // Another program has drawn over it.
    canvas.forget();
    expect(drawn(flush([picture(protocol, 'two')]))).toBe(1);
    expect(flush([])).toContain(erased);
    expect(flush([])).toBe('');
    expect(drawn(flush([{ ...picture(protocol, 'three'), left: 38 }]))).toBe(0);
    flush([picture(protocol, 'four')]);
    expect(canvas.withoutPictures()).toContain(erased);
    expect(canvas.withoutPictures()).toBe('');
  });

  test('are as large as there is room for, by whole numbers', () => {
    const image = { width: 28, height: 28, channels: 1, pixels: new Uint8Array(784) };
    const pair = { title: 'seven', before: image, after: image };
    const graphics: Graphics = { protocol: 'kitty', cell };
    const { lines, pictures } = picturesInPixels(pair, 'k', { width: 60, height: 12, graphics });
    const names = ['before', 'after', 'change x10'].map((name) => name.padEnd(17)).join('  ');
    expect(lines.map((line) => line.map(({ text }) => text).join(''))).toEqual(['seven', names]);
    expect(pictures.map(({ left, top, width, height }) => [left, top, width, height])).toEqual([
      [0, 2, 168, 168],
      [19, 2, 168, 168],
      [38, 2, 168, 168],
    ]);
    const small = { width: 8, height: 3, graphics };
    expect(picturesInPixels(pair, 'k', small).pictures).toEqual([]);
  });
});
