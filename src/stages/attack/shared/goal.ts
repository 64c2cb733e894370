import { Type } from '@sinclair/typebox';
import type { GoalOptions } from '../../../attacks/goal.ts';
import type { Seed } from '../../../tensors/random.ts';

/** The class that an attack moves towards, for every attack that can be targeted. */
export const targetedParameter = {
  targeted: Type.Optional(
    Type.Union([Type.Literal('least-likely'), Type.Literal('random'), Type.Integer({ minimum: 0 })], {
      description:
        'class to steer towards: the least likely one at the original, a random wrong one, or an index; away from the true class if absent',
    }),
  ),
};

/** The loss whose gradient is taken, for attacks that climb a loss. */
export const goalParameters = {
  loss: Type.Union([Type.Literal('cross-entropy'), Type.Literal('margin'), Type.Literal('dlr')], {
    default: 'cross-entropy',
    description:
      'what is climbed: cross-entropy, the margin max Z_k − Z_y, or the difference-of-logits ratio (at least 3 classes)',
  }),
  ...targetedParameter,
};

export const randomStartParameter = {
  randomStart: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 0,
    description:
      'radius of the L∞ ball around the original in which the attack starts at random; 0: at the original',
  }),
};

type GoalParameters = {
  readonly loss: GoalOptions['loss'];
  readonly targeted?: NonNullable<GoalOptions['targeted']>;
  /** Preset of another implementation; all of them round the gradient as PyTorch does. */
  readonly like?: string;
};

/** Whether an attack with these parameters steers towards a random class. */
export function drawsTarget(params: object): boolean {
  return 'targeted' in params && params.targeted === 'random';
}

/** The goal that the parameters describe. */
export function goalOptions({ loss, targeted, like }: GoalParameters, seed: Seed): GoalOptions {
  return { loss, seed, rounded: like !== undefined, ...(targeted === undefined ? {} : { targeted }) };
}
