/** Steps of Carlini and Wagner's attack as functions of TensorFlow, for images that stay on the device. */
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { float64, int64 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import { adamDefaults } from '../step-rules.ts';
import { emitProjection } from './euclid.ts';
import { functionOf, type Moves } from './functions.ts';

/** The numbers of fdlibm's `exp` (Sun Microsystems 2004), which is that of JavaScript in V8. */
const fdlibm = {
  inverseLn2: 1.4426950408889634,
  /** ln 2 in two parts, the first of which has zeros at its end. */
  ln2: [6.9314718036912382e-1, 1.9082149292705877e-10],
  /** Coefficients of x², x⁴, … of x − x (eˣ + 1) / (eˣ − 1) + 2. */
  terms: [
    1.6666666666666602e-1, -2.7777777777015593e-3, 6.613756321437934e-5, -1.6533902205465252e-6,
    4.1381367970572385e-8,
  ],
} as const;

/**
 * eˣ for float64 x: the steps of fdlibm, so that the bits are those of `Math.exp`. Beyond ±700 it is the value there, which is as
 * good as ∞ and 0 for the logistic function in float32.
 */
function emitExponential(moves: Moves, unlimited: Output): Output {
  const number = (value: number): Output => moves.number(value);
  const capped = moves.double('Minimum', [unlimited, number(700)]);
  const x = moves.double('Maximum', [capped, number(-700)]);
  const multiples = moves.multiply(moves.double('Abs', [x]), number(fdlibm.inverseLn2));
  const count = moves.double('Floor', [moves.add(multiples, number(0.5))]);
  const k = moves.multiply(moves.double('Sign', [x]), count);
  const high = moves.subtract(x, moves.multiply(k, number(fdlibm.ln2[0])));
  const low = moves.multiply(k, number(fdlibm.ln2[1]));
  const rest = moves.subtract(high, low);
  const square = moves.multiply(rest, rest);
  const series = fdlibm.terms
    .slice(0, -1)
    .reduceRight(
      (sum, term) => moves.add(number(term), moves.multiply(square, sum)),
      number(fdlibm.terms.at(-1)!),
    );
  const c = moves.subtract(rest, moves.multiply(square, series));
  const ratio = moves.divide(moves.multiply(rest, c), moves.subtract(number(2), c));
  const mantissa = moves.subtract(number(1), moves.subtract(moves.subtract(low, ratio), high));
  // 2ᵏ by its bits, the exponent above 52 others.
  const exponent = moves.multiply(moves.add(k, number(1023)), number(2 ** 52));
  const bits = moves.graph.add('Cast', [exponent], { SrcT: float64, DstT: int64 });
  const power = moves.graph.add('Bitcast', [bits], { T: int64, type: float64 });
  return moves.multiply(mantissa, power);
}

/** (tanh w + 1) / 2. */
function emitPixels(moves: Moves, w: Output): Output {
  const power = emitExponential(moves, moves.multiply(moves.number(-2), moves.wide(w)));
  return moves.narrow(moves.divide(moves.number(1), moves.add(moves.number(1), power)));
}

const pixels = functionOf((moves) => [emitPixels(moves, moves.images())]);

/** (tanh w + 1) / 2 of each value. */
export function pixelsOf(w: Tensor4D): Tensor4D {
  return pixels([w])[0] as Tensor4D;
}

/** The points of the minimisation and the moments of Adam; shapes are those of images. */
export interface CwPoints {
  /** x′, or w if the variable is tanh. */
  readonly current: Tensor4D;
  /** x′. */
  readonly pixels: Tensor4D;
  readonly mean: Tensor4D;
  readonly variance: Tensor4D;
}

/** Settings of a step for each image, results of `rowNumbers`. */
export interface CwStepSettings {
  /** Factor of the gradient. */
  readonly weights: Tensor;
  /** 1 / (1 − βᵗ) of the two moments. */
  readonly meanShares: Tensor;
  readonly varianceShares: Tensor;
  readonly learningRates: Tensor;
  /** Radii of the L2 balls; null if there are none. */
  readonly radii: Tensor | null;
}

const { beta1, beta2, floor } = adamDefaults;

/** Key: the variable, and the size of an image if there is a ball. */
const move = functionOf<string>((moves, key) => {
  const [variable, size] = key.split(' ');
  const images = (): Output => moves.images();
  const [current, mean, variance, originals, given] = [images(), images(), images(), images(), images()];
  const [weights, meanShares, varianceShares, rates] = [0, 1, 2, 3].map(() => moves.numbers());
  const isTanh = variable === 'tanh';
  const pixel = moves.wide(isTanh ? moves.images() : current);
  const number = (value: number): Output => moves.number(value);
  const original = moves.wide(originals);
  const pull = moves.multiply(number(2), moves.subtract(pixel, original));
  const slope = moves.add(pull, moves.multiply(weights!, moves.wide(moves.withoutNaN(given))));
  const bent = (): Output => {
    const double = moves.multiply(moves.multiply(slope, number(2)), pixel);
    return moves.multiply(double, moves.subtract(number(1), pixel));
  };
  const gradient = moves.wide(moves.narrow(isTanh ? bent() : slope));
  const newMean = moves.narrow(
    moves.add(moves.multiply(number(beta1), moves.wide(mean)), moves.multiply(number(1 - beta1), gradient)),
  );
  const newVariance = moves.narrow(
    moves.add(
      moves.multiply(number(beta2), moves.wide(variance)),
      moves.multiply(moves.multiply(number(1 - beta2), gradient), gradient),
    ),
  );
  const corrected = moves.multiply(moves.wide(newMean), meanShares!);
  const root = moves.double('Sqrt', [moves.multiply(moves.wide(newVariance), varianceShares!)]);
  const step = moves.narrow(moves.divide(corrected, moves.add(root, number(floor))));
  const moved = moves.narrow(moves.subtract(moves.wide(current), moves.multiply(rates!, moves.wide(step))));
  if (isTanh) return [moved, newMean, newVariance, emitPixels(moves, moved)];
  const within =
    size === undefined ? moved : emitProjection(moves, moved, originals, moves.numbers(), Number(size));
  return [moves.clip(within), newMean, newVariance];
});

/** Takes one step of Adam on 2 (x′ − x) + weight · gradient. */
export function moveByAdam(
  { current, pixels: here, mean, variance }: CwPoints,
  originals: Tensor4D,
  gradient: Tensor4D,
  variable: 'clip' | 'tanh',
  { weights, meanShares, varianceShares, learningRates, radii }: CwStepSettings,
): CwPoints {
  const numbers = [weights, meanShares, varianceShares, learningRates];
  const inputs = [current, mean, variance, originals, gradient, ...numbers];
  const size = current.size / current.shape[0];
  const [moved, newMean, newVariance, newPixels] = (
    variable === 'tanh'
      ? move([...inputs, here], 'tanh')
      : radii === null
        ? move(inputs, 'clip')
        : move([...inputs, radii], `clip ${size}`)
  ) as Tensor4D[];
  return {
    current: moved!,
    pixels: newPixels ?? moved!.clone(),
    mean: newMean!,
    variance: newVariance!,
  };
}

const choose = functionOf((moves) => {
  const [flags, yes, no] = [moves.flags(), moves.images(), moves.images()];
  return [moves.chooseRows(flags, yes, no)];
});

/** `yes` for the images whose flag, of `rowFlags`, is set, and `no` for others. */
export function chooseRows(flags: Tensor, yes: Tensor4D, no: Tensor4D): Tensor4D {
  return choose([flags, yes, no])[0] as Tensor4D;
}
