/** Writes operations of TensorFlow on images as rows, `[n, height · width · channels]`. */
import { FloatWriter } from '../../tensors/tensorflow/graph/float-writer.ts';
import { float32, int32, type Output, uint8 } from '../../tensors/tensorflow/graph/graph-builder.ts';

export type ImageSize = readonly [height: number, width: number, channels: number];

/** The state of an iteration: the image and its dual field, to the right and below. */
export const stateNames = ['u', 'px', 'py'] as const;
/**
 * The tensors that stay as they are: the pixels (0 if dropped), 1 for each pixel that was kept, and σ for each value that has a neighbour to
 * its right, or below.
 */
export const problemNames = ['values', 'kept', 'right', 'below'] as const;

export type State = Readonly<Record<(typeof stateNames)[number], Output>>;
export type Problem = Readonly<Record<(typeof problemNames)[number], Output>>;

/** Step of the dual field: 1 / 8τ, of which the step of the image is τ. */
export const tau = 0.4;
const sigma = 1 / (8 * tau);

export class Writer extends FloatWriter {
  /** Values of an image. */
  readonly length: number;
  readonly #size: ImageSize;

  constructor(size: ImageSize) {
    super();
    this.#size = size;
    this.length = size[0] * size[1] * size[2];
  }

  /** A placeholder for rows. */
  rows(name: string): Output {
    return this.graph.placeholder(name, float32, [-1, this.length]);
  }

  /** Placeholders for the state, the problem and λ, in that order. */
  given(): {
    readonly inputs: readonly Output[];
    readonly state: State;
    readonly problem: Problem;
    readonly lambda: Output;
  } {
    const state = Object.fromEntries(stateNames.map((name) => [name, this.rows(name)])) as State;
    const problem = Object.fromEntries(problemNames.map((name) => [name, this.rows(name)])) as Problem;
    const lambda = this.graph.placeholder('lambda', float32, []);
    return { inputs: [...Object.values(state), ...Object.values(problem), lambda], state, problem, lambda };
  }

  firstColumns(x: Output, count: number): Output {
    return this.slice(x, [null, null], [null, count]);
  }

  /** Bits as 0 and 1, the lowest of a byte first, from `[n, count]` bytes. */
  bitsOf(bytes: Output, count: number): Output {
    const width = 4 * Math.ceil(count / 4);
    const whole = this.graph.add('Cast', [bytes], { SrcT: uint8, DstT: float32 });
    const spread = this.reshape(whole, [-1, width, 1]);
    const shifts = Float32Array.from({ length: 8 }, (_, bit) => 2 ** -bit);
    const shifted = this.float('Floor', this.multiply(spread, this.graph.constant(shifts, [1, 1, 8])));
    return this.reshape(this.float('FloorMod', shifted, this.number(2)), [-1, 8 * width]);
  }

  /** ∇ᵀp for a field that is 0 where a value has no neighbour. */
  transposedGradient(px: Output, py: Output): Output {
    const [, width, channels] = this.#size;
    const behind = (p: Output, distance: number): Output => {
      const padded = this.pad(this.#flat(p), [[distance, 0]]);
      return this.#imagesOf(this.slice(padded, [null], [-distance]));
    };
    const across = this.subtract(behind(px, channels), px);
    return this.subtract(this.add(across, behind(py, width * channels)), py);
  }

  /** x[i + 1] − x[i] to the right and below; numbers without meaning for values that have no neighbour there. */
  differences(x: Output): readonly [toRight: Output, toBelow: Output] {
    const [, width, channels] = this.#size;
    const line = width * channels;
    const padded = this.pad(this.#flat(x), [[0, line]]);
    const right = this.slice(padded, [channels], [line === channels ? null : channels - line]);
    const below = this.slice(padded, [line], [null]);
    return [this.subtract(this.#imagesOf(right), x), this.subtract(this.#imagesOf(below), x)];
  }

  /** x[i − 1] along an axis, 0 at its beginning. */
  before(x: Output, axis: 'vertical' | 'horizontal'): Output {
    const at = axis === 'vertical' ? 1 : 2;
    const image = this.reshape(x, [-1, ...this.#size]);
    const padded = this.pad(
      image,
      [0, 1, 2, 3].map((each) => (each === at ? [1, 0] : [0, 0])),
    );
    return this.#imagesOf(
      this.slice(
        padded,
        [null, null, null, null],
        [0, 1, 2, 3].map((each) => (each === at ? -1 : null)),
      ),
    );
  }

  /** Sums over each line, `[n, height]`. */
  sumsOfLines(x: Output): Output {
    const [height, width, channels] = this.#size;
    return this.reduce('Sum', this.reshape(x, [-1, height, width * channels]), 2, false);
  }

  /** The mean of each image, `[n, 1]`. */
  meanOfImage(x: Output): Output {
    return this.reduce('Mean', x, 1, true);
  }

  /**
   * The start of an iteration: kept pixels as they are, and dropped ones as the 3×3 mean (weights 1 2 1) of the kept pixels
   * around them, or ½ if there are none. Then the problem.
   */
  start(values: Output, kept: Output): readonly Output[] {
    const [height, width, channels] = this.#size;
    const weights = this.#around(kept);
    const mean = this.divide(
      this.#around(this.multiply(values, kept)),
      this.float('Maximum', weights, this.number(1)),
    );
    const isOpen = this.float('Greater', weights, this.number(0));
    const half = this.float('SelectV2', isOpen, mean, this.number(0.5));
    const isKept = this.float('Greater', kept, this.number(0));
    const u = this.float('SelectV2', isKept, values, half);
    const steps = (extents: readonly number[], paddings: readonly (readonly number[])[]): Output => {
      const dims = this.graph.constant(Int32Array.from(extents), [3]);
      const filled = this.graph.add('Fill', [dims, this.number(sigma)], { T: float32, index_type: int32 });
      return this.reshape(this.pad(filled, paddings), [1, this.length]);
    };
    const right = steps([height, width - 1, channels], [[0, 0], [0, 1], [0, 0]]); // prettier-ignore
    const below = steps([height - 1, width, channels], [[0, 1], [0, 0], [0, 0]]); // prettier-ignore
    const zeros = [0, 1].map(() => this.float('ZerosLike', u));
    return [u, ...zeros, values, kept, right, below];
  }

  /** The sum of the 3×3 values around each, with weights 1 2 1 along both axes. */
  #around(x: Output): Output {
    const image = this.reshape(x, [-1, ...this.#size]);
    return this.#imagesOf(this.#sumAlong(this.#sumAlong(image, 1), 2));
  }

  #sumAlong(x: Output, axis: number): Output {
    const padded = this.pad(
      x,
      [0, 1, 2, 3].map((each) => (each === axis ? [1, 1] : [0, 0])),
    );
    const part = (first: number, last: number | null): Output =>
      this.slice(
        padded,
        [0, 1, 2, 3].map((each) => (each === axis ? first : null)),
        [0, 1, 2, 3].map((each) => (each === axis ? last : null)),
      );
    return this.add(this.add(this.multiply(x, this.number(2)), part(0, -2)), part(2, null));
  }

  #flat(x: Output): Output {
    return this.reshape(x, [-1]);
  }

  #imagesOf(x: Output): Output {
    return this.reshape(x, [-1, this.length]);
  }
}
