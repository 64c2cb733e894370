import { type Channel, objectiveOf, type TotalVariation } from '../../src/kernels/tvm/problem.ts';
import { minimiseExactly } from '../../src/kernels/tvm/reference.ts';

export const size = 8;

/** The 8×8 image of the reference values: f[y, x] = ((37x + 91y + 13((xy) mod 7)) mod 256) / 255. */
export const full: Channel = {
  height: size,
  width: size,
  target: Float64Array.from({ length: size * size }, (_, i) => {
    const [y, x] = [Math.floor(i / size), i % size];
    return ((37 * x + 91 * y + 13 * ((x * y) % 7)) % 256) / 255;
  }),
};

/** The same with the pixels kept where ((5x + 3y) mod 4) < 2. */
export const masked: Channel = {
  ...full,
  target: full.target.map((value, i) => ((5 * (i % size) + 3 * Math.floor(i / size)) % 4 < 2 ? value : -1)),
};

/** Least objectives over λ, found by an independent implementation to 11 digits, for λ = 0.03. */
export const references = [
  { name: 'full, isotropic', channel: full, tv: 'isotropic', least: 26.620226983 },
  { name: 'full, anisotropic', channel: full, tv: 'anisotropic', least: 32.04063309 },
  { name: 'masked, isotropic', channel: masked, tv: 'isotropic', least: 15.923236556 },
  { name: 'masked, anisotropic', channel: masked, tv: 'anisotropic', least: 18.398064847 },
] as const;

/** Random pixels, smooth here and there, of which `keep` are kept; the same for the same seed. */
export function madeUp(
  height: number,
  width: number,
  channels: number,
  keep: number,
  seed: number,
): Float32Array {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float32Array.from({ length: height * width * channels }, (_, i) => {
    const [y, x] = [Math.floor(i / channels / width), Math.floor(i / channels) % width];
    const smooth =
      0.5 + 0.3 * Math.sin(x / 5 + (i % channels)) * Math.cos(y / 7) + (x > width / 2 ? 0.15 : 0);
    const value = Math.min(1, Math.max(0, smooth + 0.1 * (next() - 0.5)));
    return next() < keep ? value : -1;
  });
}

export function channelOf(
  image: ArrayLike<number>,
  height: number,
  width: number,
  channels: number,
  c: number,
): Channel {
  const target = Float64Array.from({ length: height * width }, (_, i) => image[i * channels + c]!);
  return { height, width, target };
}

/** Objective of a whole image `u` for the image `f` with dropped pixels. */
export function imageObjective(
  f: ArrayLike<number>,
  u: ArrayLike<number>,
  [height, width, channels]: readonly [number, number, number],
  variation: TotalVariation,
): number {
  let sum = 0;
  for (let c = 0; c < channels; c++) {
    const { target } = channelOf(u, height, width, channels, c);
    sum += objectiveOf(channelOf(f, height, width, channels, c), target, variation);
  }
  return sum;
}

/** The least objective of a whole image with dropped pixels, by the definition, to a gap of `tolerance`. */
export function leastObjective(
  image: ArrayLike<number>,
  [height, width, channels]: readonly [number, number, number],
  variation: TotalVariation,
  tolerance: number,
): number {
  let sum = 0;
  for (let c = 0; c < channels; c++) {
    const channel = channelOf(image, height, width, channels, c);
    sum += minimiseExactly(channel, variation, { tolerance, limit: 20_000 }).progress.objective;
  }
  return sum;
}
