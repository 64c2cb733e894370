import type { RandomStream } from '../tensors/random.ts';
import { projectOntoBallInBox } from './l1-box.ts';
import { type DistanceNorm, lengthOf } from './norms.ts';
import { clip, project } from './projections.ts';

/**
 * Random changes of one image, from which Square chooses (Andriushchenko, Croce, Flammarion and Hein 2020, "Square
 * Attack: a query-efficient black-box adversarial attack via random search", algorithms 2 and 3; in L1 Croce and Hein
 * 2021, "Mind the box", appendix: as in L2, with L1 norms, steeper bumps and the projection onto the ball within the box). Images are
 * row-major `[height, width, channels]`.
 */
export interface ProposalShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

interface Window {
  readonly top: number;
  readonly left: number;
  readonly side: number;
}

/** A random start in the ball of radius `epsilon`: vertical stripes of ±ε (L∞), or a grid of bumps (L2, L1). */
export function startOf(
  original: Float32Array,
  shape: ProposalShape,
  epsilon: number,
  norm: DistanceNorm,
  stream: RandomStream,
): Float32Array {
  return norm === 'linf'
    ? stripes(original, shape, epsilon, stream)
    : bumpGrid(original, shape, epsilon, norm, stream);
}

/** The best point so far with one random square changed. `share` is that of the pixels in the square. */
export function proposalOf(
  original: Float32Array,
  best: Float32Array,
  shape: ProposalShape,
  epsilon: number,
  norm: DistanceNorm,
  share: number,
  stream: RandomStream,
): Float32Array {
  const side = Math.round(Math.sqrt(share * shape.height * shape.width));
  return norm === 'linf'
    ? flipSquare(original, best, shape, epsilon, Math.max(side, 1), stream)
    : moveMass(original, best, shape, epsilon, norm, Math.max(side, 3), stream);
}

function stripes(
  original: Float32Array,
  { height, width, channels }: ProposalShape,
  epsilon: number,
  stream: RandomStream,
): Float32Array {
  const row = Float64Array.from({ length: width * channels }, () => epsilon * randomSign(stream));
  const start = original.map((pixel, at) => pixel + row[at % row.length]!);
  confine(original, start, epsilon);
  if (start.length !== height * row.length)
    throw new RangeError('the proposals are for images of another shape');
  return start;
}

/** Changes the pixels of a square by ±2ε, one sign for each channel, and projects onto the L∞ ball. */
function flipSquare(
  original: Float32Array,
  best: Float32Array,
  shape: ProposalShape,
  epsilon: number,
  side: number,
  stream: RandomStream,
): Float32Array {
  const window = randomWindow(shape, side, stream);
  const signs = signsOf(shape, stream);
  const proposal = best.slice();
  forEachPixel(window, shape, (at, channel) => {
    proposal[at]! += 2 * epsilon * signs[channel]!;
  });
  confine(original, proposal, epsilon);
  return proposal;
}

/** Norms in which mass moves between squares. */
type MassNorm = 'l2' | 'l1';

/** A grid of 5 × 5 bumps, each with a random sign for each channel, on the L2 sphere or projected onto the L1 ball. */
function bumpGrid(
  original: Float32Array,
  shape: ProposalShape,
  epsilon: number,
  norm: MassNorm,
  stream: RandomStream,
): Float32Array {
  const { height, width } = shape;
  const side = Math.max(1, Math.floor(Math.min(height, width) / 5));
  const delta = new Float64Array(original.length);
  const [rows, columns] = [Math.floor(height / side), Math.floor(width / side)];
  const [top, left] = [Math.floor((height - side * rows) / 2), Math.floor((width - side * columns) / 2)];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const bump = bumpPair(side, norm, stream);
      const signs = signsOf(shape, stream);
      const window = { top: top + row * side, left: left + column * side, side };
      forEachPixel(window, shape, (at, channel, place) => {
        delta[at] = bump[place]! * signs[channel]!;
      });
    }
  }
  return onSphere(original, delta, epsilon, norm);
}

/**
 * Moves the mass of one square into another: the second becomes 0, and the first a pair of bumps plus its own
 * direction, with the mass of both and of what the ball still allows.
 */
function moveMass(
  original: Float32Array,
  best: Float32Array,
  shape: ProposalShape,
  epsilon: number,
  norm: MassNorm,
  side: number,
  stream: RandomStream,
): Float32Array {
  const odd = side % 2 === 0 ? side + 1 : side;
  const into = randomWindow(shape, odd, stream);
  const from = randomWindow(shape, odd, stream);
  const { channels } = shape;
  const delta = Float64Array.from(best, (pixel, at) => pixel - original[at]!);
  // Squares add up in L2, absolute values in L1.
  const massOf = norm === 'l2' ? (value: number) => value * value : Math.abs;
  const lengthFrom = norm === 'l2' ? Math.sqrt : (mass: number) => mass;
  const total = delta.reduce((sum, value) => sum + massOf(value), 0);
  const spare = Math.max(massOf(epsilon) - total, 0) / channels;
  const own = new Float64Array(channels);
  const both = new Float64Array(channels);
  forEachPixel(into, shape, (at, channel) => {
    own[channel]! += massOf(delta[at]!);
    both[channel]! += massOf(delta[at]!);
  });
  forEachPixel(from, shape, (at, channel) => {
    if (!isInside(at, into, shape)) both[channel]! += massOf(delta[at]!);
  });
  const bump = bumpPair(into.side, norm, stream);
  const signs = signsOf(shape, stream);
  const mass = new Float64Array(channels);
  const moved = new Float64Array(into.side * into.side * channels);
  forEachPixel(into, shape, (at, channel, place) => {
    const value = bump[place]! * signs[channel]! + delta[at]! / (1e-12 + lengthFrom(own[channel]!));
    moved[place * channels + channel] = value;
    mass[channel]! += massOf(value);
  });
  forEachPixel(from, shape, (at) => {
    delta[at] = 0;
  });
  forEachPixel(into, shape, (at, channel, place) => {
    // The authors' code gives each channel in L1 the mass of all of them; the projection takes back what is too much.
    const length = lengthFrom(spare + both[channel]!) * (norm === 'l1' ? channels : 1);
    delta[at] = (moved[place * channels + channel]! * length) / (1e-12 + lengthFrom(mass[channel]!));
  });
  return onSphere(original, delta, epsilon, norm);
}

/** clip(x + ε δ / ‖δ‖₂, 0, 1), or in L1 the nearest point of the ball within the box. */
function onSphere(
  original: Float32Array,
  delta: Float64Array,
  epsilon: number,
  norm: MassNorm,
): Float32Array {
  let factor = 1;
  // The radius is slightly smaller in L1, as in the authors' code, so that rounding does not leave the ball.
  if (norm === 'l1') projectOntoBallInBox(delta, original, epsilon * (1 - 1e-6));
  else factor = epsilon / (lengthOf(delta, 'l2') + 1e-12);
  const point = original.map((pixel, at) => pixel + factor * delta[at]!);
  clip(point, 0, point.length);
  return point;
}

/** Two bumps of opposite signs, side by side or one above the other, `[side, side]` with norm 1. */
function bumpPair(side: number, norm: MassNorm, stream: RandomStream): Float64Array {
  const half = Math.floor(side / 2);
  const pair = new Float64Array(side * side);
  pair.set(bump(half, side, norm), 0);
  pair.set(
    bump(side - half, side, norm).map((value) => -value),
    half * side,
  );
  const length = lengthOf(pair, norm);
  const isTransposed = stream.bernoulli(0.5);
  return pair.map((_, at) => {
    const place = isTransposed ? (at % side) * side + Math.floor(at / side) : at;
    return pair[place]! / length;
  });
}

/** A pyramid of nested rectangles around the middle: the k-th adds 1 / k² (1 / k⁴ in L1), `[rows, columns]` with norm 1. */
function bump(rows: number, columns: number, norm: MassNorm): Float64Array {
  const values = new Float64Array(rows * columns);
  const [middleRow, middleColumn] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  const layers = Math.max(middleRow, middleColumn) + 1;
  const power = norm === 'l2' ? 2 : 4;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const first = Math.max(Math.abs(row - middleRow), Math.abs(column - middleColumn));
      for (let layer = first; layer < layers; layer++)
        values[row * columns + column]! += 1 / (layer + 1) ** power;
    }
  }
  const length = lengthOf(values, norm);
  return values.map((value) => value / length);
}

/** A square of at most the image's size, anywhere in the image. */
function randomWindow({ height, width }: ProposalShape, side: number, stream: RandomStream): Window {
  const within = Math.min(side, height, width);
  const top = stream.integer(height - within + 1);
  return { top, left: stream.integer(width - within + 1), side: within };
}

/** Visits the values of a square; `place` is the index of the pixel within it. */
function forEachPixel(
  { top, left, side }: Window,
  { width, channels }: ProposalShape,
  visit: (at: number, channel: number, place: number) => void,
): void {
  for (let place = 0; place < side * side; place++) {
    const pixel = (top + Math.floor(place / side)) * width + left + (place % side);
    for (let channel = 0; channel < channels; channel++) visit(pixel * channels + channel, channel, place);
  }
}

function isInside(at: number, { top, left, side }: Window, { width, channels }: ProposalShape): boolean {
  const pixel = Math.floor(at / channels);
  const [row, column] = [Math.floor(pixel / width), pixel % width];
  return row >= top && row < top + side && column >= left && column < left + side;
}

function signsOf({ channels }: ProposalShape, stream: RandomStream): Float64Array {
  return Float64Array.from({ length: channels }, () => randomSign(stream));
}

function randomSign(stream: RandomStream): 1 | -1 {
  return stream.bernoulli(0.5) ? 1 : -1;
}

function confine(original: Float32Array, point: Float32Array, epsilon: number): void {
  project(original, 0, point, 0, point.length, epsilon, 'linf');
  clip(point, 0, point.length);
}
