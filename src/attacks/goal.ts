import type { AttackLoss, Classifier } from '../models/classifier.ts';
import { randomStream, type Seed } from '../tensors/random.ts';
import { classifyOriginals } from './attack.ts';
import type { AttackHooks, AttackInput } from './images.ts';
import { type Gradients, queryGradient, queryRoundedGradient } from './query.ts';

/** Class that a targeted attack aims at: the one that the model finds least likely at the original, a random wrong one, or one for all. */
export type TargetRule = 'least-likely' | 'random' | number;

export interface GoalOptions {
  readonly loss: AttackLoss;
  /** The cross-entropy's gradient with p − 1 rounded in float32, as PyTorch does: less exact for confident images, but at parity. */
  readonly rounded?: boolean;
  /** Away from the true label where absent. */
  readonly targeted?: TargetRule;
  /** Key of the random targets. */
  readonly seed: Seed;
}

/** What a gradient attack climbs: the loss at the true labels, or, downwards, at the targets. */
export interface Goal {
  readonly loss: AttackLoss;
  readonly rounded: boolean;
  /** `[n]`. */
  readonly labels: Int32Array;
  /** 1 away from the labels, −1 towards them. */
  readonly sign: 1 | -1;
}

/** Throws `RangeError` for a target class that the model does not have. */
export async function chooseGoal(
  classifier: Classifier,
  images: AttackInput,
  { loss, targeted, seed, rounded = false }: GoalOptions,
  hooks: AttackHooks,
): Promise<Goal> {
  if (targeted === undefined) return { loss, rounded, labels: images.labels, sign: 1 };
  const { classes } = classifier;
  if (typeof targeted === 'number') {
    if (targeted >= classes)
      throw new RangeError(`there is no class ${targeted}: the model has ${classes} classes`);
    return { loss, rounded, labels: images.labels.map(() => targeted), sign: -1 };
  }
  if (targeted === 'random') {
    const labels = images.labels.map((label, row) => {
      const drawn = randomStream(seed, 0, images.ids[row]!, targetStream).integer(classes - 1);
      return drawn < label ? drawn : drawn + 1;
    });
    return { loss, rounded, labels, sign: -1 };
  }
  const { logits } = await classifyOriginals(classifier, images, hooks);
  return {
    loss,
    rounded,
    labels: images.labels.map((_, row) => leastLikely(logits, classes, row)),
    sign: -1,
  };
}

/** Gradient of the goal at a batch whose `labels` are those of the goal: the way to climb. */
export async function goalGradient(
  classifier: Classifier,
  batch: AttackInput,
  goal: Goal,
): Promise<Gradients> {
  const { gradient, logits } =
    goal.rounded && goal.loss === 'cross-entropy'
      ? await queryRoundedGradient(classifier, batch)
      : await queryGradient(classifier, batch, goal.loss);
  if (goal.sign < 0)
    for (let index = 0; index < gradient.length; index++) gradient[index] = -gradient[index]!;
  return { gradient, logits };
}

/** Last counter of the random streams of attacks, which says what is drawn. */
const targetStream = 1;
export const startStream = 2;
export const noiseStream = 3;

function leastLikely(logits: Float32Array, classes: number, row: number): number {
  let least = 0;
  for (let column = 1; column < classes; column++) {
    if (logits[row * classes + column]! < logits[row * classes + least]!) least = column;
  }
  return least;
}
