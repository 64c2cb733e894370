/**
 * Total variation minimisation of a whole batch by TensorFlow.js operations on the current backend, with the
 * primal-dual iteration of reference.ts. On TensorFlow's GPU the images stay on the device. It is slow on
 * CPUs, which should use the WebAssembly kernel.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import {
  droppedPixels,
  negligible,
  type Progress,
  progressOf,
  type Stopping,
  type TotalVariation,
} from './problem.ts';

type Shape = readonly [rows: number, height: number, width: number, channels: number];

const iterationsOfBlock = 40;
const tau = 0.4;
const sigma = 1 / (8 * tau);
const rho = 1.9;
const vertical = 1;
const horizontal = 2;

// This is an alias, because TensorFlow.js does not accept an interface as a container of tensors.
type State = {
  readonly u: Tensor;
  readonly px: Tensor;
  readonly py: Tensor;
};

/**
 * Minimises over each of the images `[rows, height, width, channels]` in place; dropped pixels are −1.
 * Progress is that of the WebAssembly kernel. An image stops when it reaches the tolerance, however long
 * others take.
 */
export async function minimiseByTensors(
  images: Float32Array,
  shape: Shape,
  variation: TotalVariation,
  { tolerance, limit }: Stopping,
): Promise<readonly Progress[]> {
  const [rows, height, width, channels] = shape;
  const size = height * width * channels;
  const floor = negligible * variation.lambda * size;
  const values = tf.tensor4d(images, [...shape]);
  const kept = tf.tidy(() => values.greaterEqual(0).toFloat());
  let state = start(values, kept);
  const progress = new Array<Progress>(rows);
  let running = rows;
  try {
    for (let iterations = 0; running > 0; iterations += iterationsOfBlock) {
      if (iterations > 0) state = runBlock(state, values, kept, variation);
      const sums = tf.tidy(() => boundOf(state, values, kept, variation));
      const parts = (await sums.data()) as Float32Array;
      sums.dispose();
      const stopped: number[] = [];
      for (let row = 0; row < rows; row++) {
        if (progress[row]?.converged === true) continue;
        const [objective, least] = [parts[2 * row]!, parts[2 * row + 1]!];
        const reached = progressOf(objective, least, iterations, { tolerance, floor });
        progress[row] = reached;
        if (reached.converged || iterations >= limit) stopped.push(row);
      }
      if (stopped.length === 0) continue;
      running -= stopped.length;
      const solved = (await state.u.data()) as Float32Array;
      for (const row of stopped) {
        for (let i = row * size; i < (row + 1) * size; i++) images[i] = Math.min(1, Math.max(0, solved[i]!));
      }
    }
    return progress;
  } finally {
    tf.dispose([values, kept, ...Object.values(state)]);
  }
}

/**
 * Starting point: kept pixels as they are, and dropped ones as the 3×3 mean (weights 1 2 1) of the kept
 * pixels around them, or ½ if there are none.
 */
function start(values: Tensor, kept: Tensor): State {
  return tf.tidy(() => {
    const around = (x: Tensor): Tensor => sumAlong(sumAlong(x, vertical), horizontal);
    const weights = around(kept);
    const mean = tf.where(
      weights.greater(0),
      around(values.mul(kept)).div(weights.maximum(1)),
      tf.scalar(0.5),
    );
    const u = tf.where(kept.greater(0), values, mean);
    return { u, px: tf.zerosLike(u), py: tf.zerosLike(u) };
  });
}

function runBlock(state: State, values: Tensor, kept: Tensor, variation: TotalVariation): State {
  let current = state;
  for (let iteration = 0; iteration < iterationsOfBlock; iteration++) {
    const next = tf.tidy(() => iterate(current, values, kept, variation));
    tf.dispose([current.u, current.px, current.py]);
    current = next;
  }
  return current;
}

function iterate({ u, px, py }: State, values: Tensor, kept: Tensor, variation: TotalVariation): State {
  const step = u.sub(transposedGradient(px, py).mul(tau));
  const next = step
    .add(values.mul(tau))
    .div(1 + tau)
    .mul(kept)
    .add(step.mul(tf.sub(1, kept)));
  const ahead = next.mul(2).sub(u);
  const [nextX, nextY] = onBall(
    px.add(difference(ahead, horizontal).mul(sigma)),
    py.add(difference(ahead, vertical).mul(sigma)),
    variation,
  );
  const further = (old: Tensor, to: Tensor): Tensor => old.add(to.sub(old).mul(rho));
  return { u: further(u, next), px: further(px, nextX), py: further(py, nextY) };
}

/**
 * Objective and bound of each image, `[rows, 2]`. p was over-relaxed, so it is projected back on the ball.
 */
function boundOf({ u, px, py }: State, values: Tensor, kept: Tensor, variation: TotalVariation): Tensor {
  const [x, y] = onBall(px, py, variation);
  const w = transposedGradient(x, y);
  const [dx, dy] = [difference(u, horizontal), difference(u, vertical)];
  const isotropic = variation.tv === 'isotropic';
  const size = isotropic ? dx.square().add(dy.square()).sqrt() : dx.abs().add(dy.abs());
  const data = u.sub(values).square().mul(kept).mul(0.5);
  const ofKept = w.mul(values).sub(w.square().mul(0.5));
  const { softness, leastSlope, reach } = droppedPixels;
  const stiffnessAlong = (gradient: Tensor): Tensor =>
    tf.div(1, (isotropic ? size : gradient.abs()).add(leastSlope));
  const [stiffX, stiffY] = [stiffnessAlong(dx), stiffnessAlong(dy)];
  const stiffness = stiffX.add(behind(stiffX, horizontal)).add(stiffY).add(behind(stiffY, vertical));
  // If nothing is kept, w is 0.
  const share = kept.mean([1, 2, 3], true).maximum(1e-9);
  const distance = w
    .abs()
    .mul(softness / variation.lambda)
    .div(stiffness)
    .add(tf.div(reach, share));
  const ofDropped = w.mul(u).sub(w.abs().mul(distance));
  const least = ofKept.mul(kept).add(ofDropped.mul(tf.sub(1, kept)));
  const perImage = (x: Tensor): Tensor => x.sum([1, 2, 3]);
  return tf.stack([perImage(data.add(size.mul(variation.lambda))), perImage(least)], 1);
}

function onBall(x: Tensor, y: Tensor, { lambda, tv }: TotalVariation): readonly [Tensor, Tensor] {
  if (tv === 'anisotropic') return [x.clipByValue(-lambda, lambda), y.clipByValue(-lambda, lambda)];
  const scale = tf.div(lambda, x.square().add(y.square()).sqrt().maximum(lambda));
  return [x.mul(scale), y.mul(scale)];
}

/** x[i + 1] − x[i] along an axis, 0 at its end. */
function difference(x: Tensor, axis: number): Tensor {
  const [before, after] = halves(x, axis);
  return tf.concat([after.sub(before), edge(x, axis)], axis);
}

/** x[i − 1] along an axis, 0 at its beginning. */
function behind(x: Tensor, axis: number): Tensor {
  return tf.concat([edge(x, axis), halves(x, axis)[0]], axis);
}

function transposedGradient(px: Tensor, py: Tensor): Tensor {
  return behind(px, horizontal).sub(px).add(behind(py, vertical)).sub(py);
}

/** x[i − 1] + 2x[i] + x[i + 1] along an axis, nothing beyond its ends. */
function sumAlong(x: Tensor, axis: number): Tensor {
  const [before, after] = halves(x, axis);
  const zero = edge(x, axis);
  return x
    .mul(2)
    .add(tf.concat([zero, before], axis))
    .add(tf.concat([after, zero], axis));
}

/** All elements but the last, and all but the first, along an axis. */
function halves(x: Tensor, axis: number): readonly [Tensor, Tensor] {
  const begin = x.shape.map((_, i) => (i === axis ? 1 : 0));
  const size = x.shape.map((length, i) => (i === axis ? length - 1 : length));
  return [
    tf.slice(
      x,
      x.shape.map(() => 0),
      size,
    ),
    tf.slice(x, begin, size),
  ];
}

function edge(x: Tensor, axis: number): Tensor {
  return tf.zeros(x.shape.map((length, i) => (i === axis ? 1 : length)));
}
