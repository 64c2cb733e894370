import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bregmanOfReleasedCode, bregmanOfScikitImage } from '../../src/kernels/tvm/bregman.ts';
import { minimiseExactly } from '../../src/kernels/tvm/reference.ts';
import { channelOf, full, madeUp } from './tvm-problems.ts';

interface Case {
  readonly name: string;
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly lambda: number;
  readonly tv: 'isotropic' | 'anisotropic';
  readonly result: readonly number[];
}

/** Made by tvm.py beside it with scikit-image 0.26.0. */
const { cases } = JSON.parse(readFileSync('test/reference/tvm.json', 'utf8')) as {
  readonly cases: readonly Case[];
};

/** The 8×8 reference image, and its copies rolled down and right as second and third channel. */
function reference([height, width, channels]: Case['shape']): Float64Array {
  return Float64Array.from({ length: height * width * channels }, (_, i) => {
    const [c, y, x] = [i % channels, Math.floor(i / channels / width), Math.floor(i / channels) % width];
    return full.target[(((c === 1 ? y - 1 : y) + 8) % 8) * 8 + (((c === 2 ? x - 1 : x) + 8) % 8)]!;
  });
}

function channelsOf({ shape }: Case) {
  const [height, width, channels] = shape;
  const image = reference(shape);
  return Array.from({ length: channels }, (_, c) => channelOf(image, height, width, channels, c));
}

const total = (values: readonly { readonly u: Float64Array }[]): number =>
  values.reduce((sum, { u }) => sum + u.reduce((part, value) => part + value, 0), 0);

describe('bregmanOfScikitImage', () => {
  it.each(cases)('gives the numbers of scikit-image: $name, λ = $lambda, $tv', (one) => {
    const channels = one.shape[2];
    const solved = bregmanOfScikitImage(channelsOf(one), one);
    one.result.forEach((expected, i) => {
      expect(Math.abs(solved[i % channels]!.u[Math.floor(i / channels)]! - expected)).toBeLessThan(1e-10);
    });
  });

  it.each([
    [5, 95.84518567],
    [33.3333, 96.48753424],
  ])('gives the sum of scikit-image 0.19.3 at weight %d', (weight, sum) => {
    const rgb = cases.find(({ name }) => name === 'rgb')!;
    expect(total(bregmanOfScikitImage(channelsOf(rgb), { lambda: 1 / weight, tv: 'isotropic' }))).toBeCloseTo(
      sum,
      6,
    );
  });
});

describe('bregmanOfReleasedCode', () => {
  it('darkens the border by tens of grey levels, which the minimiser does not', () => {
    const [height, width] = [40, 40];
    const channel = channelOf(
      madeUp(height, width, 1, 0.5, 1).map((value) => (value < 0 ? value : 0.25 + 0.5 * value)),
      height,
      width,
      1,
      0,
    );
    const clean = madeUp(height, width, 1, 1, 1).map((value) => 0.25 + 0.5 * value);
    const error = (u: Float64Array, isIn: (y: number, x: number) => boolean): number => {
      let sum = 0;
      let count = 0;
      u.forEach((value, i) => {
        if (!isIn(Math.floor(i / width), i % width)) return;
        sum += 255 * (value - clean[i]!);
        count++;
      });
      return sum / count;
    };
    const border = (y: number, x: number): boolean =>
      y === 0 || y === height - 1 || x === 0 || x === width - 1;
    const centre = (y: number, x: number): boolean => y >= 10 && y < 30 && x >= 10 && x < 30;
    const variation = { lambda: 0.03, tv: 'isotropic' } as const;
    const released = bregmanOfReleasedCode(channel, variation).u;
    expect(error(released, border) - error(released, centre)).toBeLessThan(-40);
    const exact = minimiseExactly(channel, variation, { tolerance: 1e-4, limit: 5000 }).u;
    expect(Math.abs(error(exact, border) - error(exact, centre))).toBeLessThan(4);
  });
});
