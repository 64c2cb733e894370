import type { Classifier } from '../models/classifier.ts';
import { randomStream } from '../tensors/random.ts';
import type { Attack } from './attack.ts';
import { gradientSigns } from './fgsm.ts';
import { chooseGoal, type Goal, type GoalOptions, startStream } from './goal.ts';
import { gradientSteps, type Norm } from './gradient-steps.ts';
import { type AttackHooks, type AttackInput, batchesOf, imageSize, takeRows } from './images.ts';
import { argmaxRows, marginOf, queryLogits } from './query.ts';

export interface PgdOptions extends GoalOptions {
  readonly norm: Norm;
  readonly steps: number;
  /** Length of a step: absolute, or as a share of the radius. */
  readonly stepSize: { readonly absolute: number } | { readonly relative: number };
  /** Starts at a uniform draw from the ball, instead of at the original. */
  readonly randomStart: boolean;
  /** Runs from different starts; only images that withstood all runs before are run again. */
  readonly restarts: number;
  readonly stopEarly: boolean;
}

/**
 * Projected gradient descent (Madry et al. 2018) in the L∞ or L2 ball, whose radius is the knob. Of several runs, the first one that reaches
 * the goal counts, or else the one that came nearest by its margin.
 */
export function pgd(options: PgdOptions): Attack {
  const { norm } = options;
  return {
    search: {
      guess: norm === 'linf' ? 1.2 : 1,
      maximum: norm === 'linf' ? 1 : 1e3,
      refinements: 12,
      pilot: 64,
    },
    prepare: async (classifier, images, hooks) => {
      const goal = await chooseGoal(classifier, images, options, hooks);
      const { signs, ...found } = await gradientSigns(classifier, images, goal, {
        ...hooks,
        onProgress: () => {},
      });
      // In L2 the knob is the length of the whole perturbation.
      const length = norm === 'linf' ? 1 : 1 / Math.sqrt(imageSize(images.shape));
      return {
        ...found,
        direction: Float32Array.from(signs, (sign) => sign * length),
        evaluate: (rows, radii) => runs(classifier, images, goal, rows, radii, options, hooks),
      };
    },
  };
}

async function runs(
  classifier: Classifier,
  images: AttackInput,
  goal: Goal,
  rows: Int32Array,
  radii: Float64Array,
  options: PgdOptions,
  hooks: AttackHooks,
): Promise<Float32Array> {
  const { norm, steps, stepSize, stopEarly, restarts, randomStart } = options;
  const size = imageSize(images.shape);
  const result = new Float32Array(rows.length * size);
  const nearest = new Float64Array(rows.length).fill(-Infinity);
  /** Indices into `rows` of the images that still stand. */
  let standing = Int32Array.from(rows.keys());
  for (let run = 0; run < restarts && standing.length > 0; run++) {
    const some = standing.map((index) => rows[index]!);
    const within = Float64Array.from(standing, (index) => radii[index]!);
    const starts = takeRows(images, some).pixels;
    if (randomStart) {
      for (const [position, row] of some.entries()) {
        const stream = randomStream(options.seed, run, images.ids[row]!, startStream);
        jump(starts, position * size, size, within[position]!, norm, stream);
      }
    }
    const stepSizes = within.map((radius) =>
      'absolute' in stepSize ? stepSize.absolute : stepSize.relative * radius,
    );
    const moves = { goal, rows: some, starts, stepSizes, radii: within, norm, steps, stopEarly };
    const found = await gradientSteps(classifier, images, moves, hooks);
    if (restarts === 1) return found;
    const { reached, margins } = await judge(classifier, takeRows(images, some), found, goal, some);
    standing = standing.filter((index, position) => {
      if (reached[position] === 1 || margins[position]! > nearest[index]!) {
        nearest[index] = margins[position]!;
        result.set(found.subarray(position * size, (position + 1) * size), index * size);
      }
      return reached[position] === 0;
    });
  }
  return result;
}

/** Moves one image to a uniform draw from the ball around it, clipped to [0, 1]. */
function jump(
  pixels: Float32Array,
  at: number,
  size: number,
  radius: number,
  norm: Norm,
  stream: ReturnType<typeof randomStream>,
): void {
  const draw = new Float32Array(size);
  let factor = radius;
  if (norm === 'linf') {
    for (let offset = 0; offset < size; offset++) draw[offset] = 2 * stream.uniform() - 1;
  } else {
    // A normal direction, and the size-th root for a uniform density.
    stream.fillNormal(draw);
    factor *= stream.uniform() ** (1 / size) / Math.sqrt(draw.reduce((sum, value) => sum + value * value, 0));
  }
  for (let offset = 0; offset < size; offset++) {
    pixels[at + offset] = Math.min(1, Math.max(0, pixels[at + offset]! + factor * draw[offset]!));
  }
}

/** Whether each image reaches the goal, and by which margin. */
async function judge(
  classifier: Classifier,
  images: AttackInput,
  pixels: Float32Array,
  goal: Goal,
  rows: Int32Array,
): Promise<{ readonly reached: Uint8Array; readonly margins: Float64Array }> {
  const { classes } = classifier;
  const size = imageSize(images.shape);
  const reached = new Uint8Array(rows.length);
  const margins = new Float64Array(rows.length);
  const perturbed = { ...images, pixels };
  for (const [first, end] of batchesOf(rows.length, size)) {
    const positions = Int32Array.from({ length: end - first }, (_, index) => first + index);
    const logits = await queryLogits(classifier, takeRows(perturbed, positions));
    const predicted = argmaxRows(logits, classes);
    for (const position of positions) {
      const label = goal.labels[rows[position]!]!;
      margins[position] = goal.sign * marginOf(logits, classes, position - first, label);
      if ((predicted[position - first] === label) === goal.sign < 0) reached[position] = 1;
    }
  }
  return { reached, margins };
}
