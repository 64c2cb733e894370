/**
 * The primal-dual iteration of reference.ts as functions of TensorFlow, for images of one size and any number of them. A row is
 * an image, `[n, height · width · channels]`, so that a neighbour is as far away for all values: `channels` to its right, and
 * `width · channels` below. A dual field is 0 where its neighbour would be in another line or image.
 */
import { emitCarried, emitPixels } from '../../tensors/tensorflow/graph/carried-bytes.ts';
import { graphFunction } from '../../tensors/tensorflow/graph/functions.ts';
import { boolean, float32, int32, type Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import { droppedPixels, type TotalVariation } from './problem.ts';
import {
  type ImageSize,
  type Problem,
  problemNames,
  type State,
  stateNames,
  tau,
  Writer,
} from './tensorflow-writer.ts';

/** Iterations of one call. Images that have reached the tolerance stop after each, so that a result does not depend on others. */
export const iterationsOfBlock = 20;

const rho = 1.9;
/** A λ of 0 divides nothing by 0, because no dual field is longer then. */
const leastLambda = 1e-30;

/** Key of the functions that write images of a size. */
export const sizeKey = (size: ImageSize): string => size.join();

/** Key of the functions that iterate and measure, which differ for each kind of variation. */
export const variationKey = (size: ImageSize, tv: TotalVariation['tv']): string => [...size, tv].join();

/**
 * The state and the problem from pixels of eight bits (`carryBytes`), and a bit for each that says whether it was kept, the
 * lowest bit of a byte first.
 */
export const startFromBytes = graphFunction((key: string) => {
  const writer = new Writer(sizeOf(key));
  const { graph, length } = writer;
  const pixels = emitCarried(graph, 'pixels', length);
  const mask = emitCarried(graph, 'mask', maskLength(length));
  const values = writer.firstColumns(emitPixels(graph, pixels.bytes), length);
  const kept = writer.firstColumns(writer.bitsOf(mask.bytes, maskLength(length)), length);
  const inputs = [pixels.placeholder, mask.placeholder];
  return { graph, inputs, outputs: writer.start(writer.multiply(values, kept), kept) };
});

/** Bytes of the mask of an image with this number of values. */
export function maskLength(length: number): number {
  return Math.ceil(length / 8);
}

/** The same from float32 numbers, which are below 0 for pixels that were dropped. */
export const startFromFloats = graphFunction((key: string) => {
  const writer = new Writer(sizeOf(key));
  const { graph } = writer;
  const pixels = writer.rows('pixels');
  const isKept = writer.float('GreaterEqual', pixels, writer.number(0));
  const kept = graph.add('Cast', [isKept], { SrcT: boolean, DstT: float32 });
  const values = writer.float('Maximum', pixels, writer.number(0));
  return { graph, inputs: [pixels], outputs: writer.start(values, kept) };
});

/** `iterationsOfBlock` iterations: the next state from the state, the problem and λ. */
export const iterateOften = graphFunction((key: string) => {
  const writer = new Writer(sizeOf(key));
  const { inputs, state, problem, lambda } = writer.given();
  const { add, multiply, divide, number } = writer;
  const step: Step = {
    ...problem,
    weighted: multiply(problem.values, number(tau)),
    // (step + τf) / (1 + τ) if the pixel was kept, and step if it was dropped.
    shrinking: divide(number(1), add(number(1), multiply(problem.kept, number(tau)))),
    lambda,
    negative: writer.float('Neg', lambda),
    longest: writer.float('Maximum', lambda, number(leastLambda)),
    pull: multiply(lambda, number(rho)),
    isIsotropic: isIsotropic(key),
  };
  let current = state;
  for (let iteration = 0; iteration < iterationsOfBlock; iteration++)
    current = iterate(writer, current, step);
  return { graph: writer.graph, inputs, outputs: [current.u, current.px, current.py] };
});

/** Objective and bound of each line of the images, `[n, height, 2]`, from the state, the problem and λ. */
export const measure = graphFunction((key: string) => {
  const writer = new Writer(sizeOf(key));
  const { inputs, state, problem, lambda } = writer.given();
  const lines = measured(writer, state, problem, lambda, isIsotropic(key)).map((each) =>
    writer.sumsOfLines(each),
  );
  const both = writer.graph.add('Pack', lines, { T: float32, N: 2, axis: 2 });
  return { graph: writer.graph, inputs, outputs: [both] };
});

/** The images with these numbers, cut to [0, 1]. */
export const takeImages = graphFunction((key: string) => {
  const writer = new Writer(sizeOf(key));
  const [u, rows] = [writer.rows('u'), writer.graph.placeholder('rows', int32, [-1])];
  const taken = writer.clip(writer.takeRows(u, rows), writer.number(0), writer.number(1));
  return { graph: writer.graph, inputs: [u, rows], outputs: [taken] };
});

/** Names of what there is of each image by itself. */
const ofImages = [...stateNames, ...problemNames.slice(0, 2)];

/** The state, the pixels and the mask of the images with these numbers. */
export const keepImages = graphFunction((key: string) => {
  const writer = new Writer(sizeOf(key));
  const all = ofImages.map((name) => writer.rows(name));
  const rows = writer.graph.placeholder('rows', int32, [-1]);
  return {
    graph: writer.graph,
    inputs: [...all, rows],
    outputs: all.map((each) => writer.takeRows(each, rows)),
  };
});

function sizeOf(key: string): ImageSize {
  return key.split(',').slice(0, 3).map(Number) as unknown as ImageSize;
}

function isIsotropic(key: string): boolean {
  return key.endsWith(',isotropic');
}

/** The tensors that all iterations of a call share. */
interface Step extends Problem {
  readonly weighted: Output;
  readonly shrinking: Output;
  readonly lambda: Output;
  readonly negative: Output;
  readonly longest: Output;
  readonly pull: Output;
  readonly isIsotropic: boolean;
}

/** One iteration of Chambolle and Pock (2011), over-relaxed (Condat 2013), as in reference.ts. */
function iterate(writer: Writer, { u, px, py }: State, step: Step): State {
  const { add, subtract, multiply, divide, number } = writer;
  const moved = subtract(u, multiply(writer.transposedGradient(px, py), number(tau)));
  const change = subtract(multiply(add(moved, step.weighted), step.shrinking), u);
  // 2 · (u + change) − u.
  const [toRight, toBelow] = writer.differences(add(u, multiply(change, number(2))));
  const x = add(px, multiply(toRight, step.right));
  const y = add(py, multiply(toBelow, step.below));
  const relaxed = (old: Output, to: Output): Output => add(multiply(old, number(1 - rho)), to);
  const next = add(u, multiply(change, number(rho)));
  if (!step.isIsotropic) {
    const cut = (value: Output): Output =>
      multiply(writer.clip(value, step.negative, step.lambda), number(rho));
    return { u: next, px: relaxed(px, cut(x)), py: relaxed(py, cut(y)) };
  }
  const pull = divide(step.pull, writer.float('Maximum', lengthOf(writer, x, y), step.longest));
  return { u: next, px: relaxed(px, multiply(x, pull)), py: relaxed(py, multiply(y, pull)) };
}

/** The summands of the objective, and of the lower bound on all objectives (`droppedPixels`). */
function measured(
  writer: Writer,
  { u, px, py }: State,
  { values, kept, right, below }: Problem,
  lambda: Output,
  isotropic: boolean,
): readonly [objective: Output, least: Output] {
  const { add, subtract, multiply, divide, number } = writer;
  const absolute = (x: Output): Output => writer.float('Abs', x);
  const square = (x: Output): Output => writer.float('Square', x);
  const longest = writer.float('Maximum', lambda, number(leastLambda));
  const w = writer.transposedGradient(...onBall(writer, px, py, lambda, isotropic));
  const neighbours = writer.differences(u);
  const gradient = (steps: Output, axis: 0 | 1): Output => {
    const isInside = writer.float('Greater', steps, number(0));
    return multiply(neighbours[axis], writer.graph.add('Cast', [isInside], { SrcT: boolean, DstT: float32 }));
  };
  const [dx, dy] = [gradient(right, 0), gradient(below, 1)];
  const size = isotropic ? lengthOf(writer, dx, dy) : add(absolute(dx), absolute(dy));
  const data = multiply(multiply(square(subtract(u, values)), kept), number(0.5));
  const { softness, leastSlope, reach } = droppedPixels;
  const stiffness = (along: Output): Output =>
    divide(number(1), add(isotropic ? size : absolute(along), number(leastSlope)));
  const [stiffX, stiffY] = [stiffness(dx), stiffness(dy)];
  const stiff = add(
    add(stiffX, writer.before(stiffX, 'horizontal')),
    add(stiffY, writer.before(stiffY, 'vertical')),
  );
  // If nothing is kept, w is 0.
  const share = writer.float('Maximum', writer.meanOfImage(kept), number(1e-9));
  const way = add(
    multiply(absolute(w), divide(number(softness), multiply(stiff, longest))),
    divide(number(reach), share),
  );
  const ofDropped = subtract(multiply(w, u), multiply(absolute(w), way));
  const ofKept = subtract(multiply(w, values), multiply(square(w), number(0.5)));
  const least = add(multiply(ofKept, kept), multiply(ofDropped, subtract(number(1), kept)));
  return [add(data, multiply(size, lambda)), least];
}

/** The dual field, which was over-relaxed, projected back on the ball. */
function onBall(
  writer: Writer,
  px: Output,
  py: Output,
  lambda: Output,
  isotropic: boolean,
): readonly [Output, Output] {
  if (!isotropic) {
    const negative = writer.float('Neg', lambda);
    return [writer.clip(px, negative, lambda), writer.clip(py, negative, lambda)];
  }
  const longest = writer.float('Maximum', lambda, writer.number(leastLambda));
  const scale = writer.divide(lambda, writer.float('Maximum', lengthOf(writer, px, py), longest));
  return [writer.multiply(px, scale), writer.multiply(py, scale)];
}

function lengthOf(writer: Writer, x: Output, y: Output): Output {
  return writer.float('Sqrt', writer.add(writer.float('Square', x), writer.float('Square', y)));
}
