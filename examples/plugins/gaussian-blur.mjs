// @ts-check
import { defenseStage, Type } from 'ravelin';

/** Gaussian blur, mirrored at the edges. It is linear, so its derivative is its adjoint: attacks that go through it follow it exactly. */
const gaussianBlur = defenseStage({
  uses: 'defense/gaussian-blur',
  version: 1,
  summary: 'Gaussian blur of each channel',
  with: {
    sigma: Type.Number({
      exclusiveMinimum: 0,
      maximum: 20,
      default: 1,
      description: 'standard deviation in pixels',
    }),
  },
  onTheFly: true,
  defense: {
    apply: (pixels, shape, { sigma }) => blurBoth(pixels, shape, sigma, blur),
    pullBack: (gradient, _input, shape, { sigma }) => blurBoth(gradient, shape, sigma, blurAdjoint),
  },
});

export const stages = [gaussianBlur];

/** @typedef {readonly [rows: number, height: number, width: number, channels: number]} Shape */
/** @typedef {{ count: number, length: number, stride: number, start: (line: number) => number }} Lines */

/** Applies `along` down the columns, then across the rows. @type {(pixels: Float32Array, shape: Shape, sigma: number, along: typeof blur) => Float32Array} */
function blurBoth(pixels, [rows, height, width, channels], sigma, along) {
  const row = width * channels;
  const image = height * row;
  const down = {
    count: rows * row,
    length: height,
    stride: row,
    start: (/** @type {number} */ line) => Math.floor(line / row) * image + (line % row),
  };
  const across = {
    count: rows * height * channels,
    length: width,
    stride: channels,
    start: (/** @type {number} */ line) => Math.floor(line / channels) * row + (line % channels),
  };
  return along(along(pixels, down, sigma), across, sigma);
}

/** Each value becomes Σ wₖ · value at k pixels away. @type {(values: Float32Array, lines: Lines, sigma: number) => Float32Array} */
function blur(values, lines, sigma) {
  const result = new Float32Array(values.length);
  eachTap(lines, sigma, (to, from, weight) => (result[to] += weight * values[from]));
  return result;
}

/** The transpose of `blur`: each value is spread where it came from. @type {typeof blur} */
function blurAdjoint(values, lines, sigma) {
  const result = new Float32Array(values.length);
  eachTap(lines, sigma, (to, from, weight) => (result[from] += weight * values[to]));
  return result;
}

/** @type {(lines: Lines, sigma: number, visit: (to: number, from: number, weight: number) => void) => void} */
function eachTap({ count, length, stride, start }, sigma, visit) {
  const radius = Math.ceil(3 * sigma);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, k) =>
    Math.exp(-((k - radius) ** 2) / (2 * sigma ** 2)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (let line = 0; line < count; line++) {
    const first = start(line);
    for (let at = 0; at < length; at++) {
      for (const [k, weight] of weights.entries())
        visit(first + at * stride, first + mirror(at + k - radius, length) * stride, weight / total);
    }
  }
}

/** Index of the pixel that stands at `index` when the edges are mirrored with the edge pixel repeated. @type {(index: number, length: number) => number} */
function mirror(index, length) {
  const place = ((index % (2 * length)) + 2 * length) % (2 * length);
  return place < length ? place : 2 * length - 1 - place;
}
