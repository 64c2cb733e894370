import { Type } from '@sinclair/typebox';
import type { GoalOptions, TargetRule } from '../../../attacks/goal.ts';
import type { Seed } from '../../../tensors/random.ts';

/** The class that an attack moves towards, for every attack that can be targeted. */
export const targetedParameter = {
  targeted: Type.Optional(
    Type.Union(
      [
        Type.Literal('least-likely'),
        Type.Literal('random'),
        Type.Integer({ unit: 'class index', minimum: 0 }),
      ],
      {
        description:
          'class to steer towards: the least likely one at the original, a random wrong one, or an index; away from the true class if absent',
      },
    ),
  ),
};

/** The strength of an attack in a ball of either norm. */
export const ballStrength = {
  name: 'epsilon',
  unit: 'pixel value',
  minimum: 0,
  maximum: 1000,
  description: 'radius of the ball, in units of [0, 1] pixels (such as 8/255; in L2, of the whole image)',
} as const;

/** How to go farther than an attack that always ends an image as soon as it is misclassified. */
export const fartherAttack = 'take attack/apgd with stopEarly: false, or attack/pgd';

/** The strength of an attack in an L∞ ball. */
export const linfBallStrength = {
  name: 'epsilon',
  unit: 'pixel value',
  minimum: 0,
  maximum: 1,
  description: 'radius of the L∞ ball, in units of [0, 1] pixels (such as 8/255)',
} as const;

/** The norm of an attack in a ball. */
export const ballNormParameter = {
  norm: Type.Union([Type.Literal('linf'), Type.Literal('l2')], {
    default: 'linf',
    description: 'norm of the ball and of the steps',
  }),
};

/** The norm of an attack in a ball that has steps of its own in L1. */
export const anyBallNormParameter = {
  norm: Type.Union([Type.Literal('linf'), Type.Literal('l2'), Type.Literal('l1')], {
    default: 'linf',
    description: 'norm of the ball and of the steps',
  }),
};

/** The loss whose gradient is taken, for attacks that climb a loss. */
export const goalParameters = {
  loss: Type.Union([Type.Literal('cross-entropy'), Type.Literal('margin'), Type.Literal('dlr')], {
    default: 'cross-entropy',
    description:
      'loss to maximise: cross-entropy, the margin max Z_k − Z_y, or the difference-of-logits ratio (at least 3 classes)',
  }),
  ...targetedParameter,
};

export const randomStartParameter = {
  randomStart: Type.Number({
    unit: 'pixel value',
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

/** The class towards which an attack with these parameters steers; undefined if it has no target. */
export function targetRuleOf(params: object): TargetRule | undefined {
  const { targeted } = params as { readonly targeted?: unknown };
  // `targeted` of attack/fab is not a class: it only says how that attack looks for any wrong class.
  return typeof targeted === 'number' || targeted === 'random' || targeted === 'least-likely'
    ? targeted
    : undefined;
}

/** Whether an attack with these parameters steers towards a random class. */
export function drawsTarget(params: object): boolean {
  return targetRuleOf(params) === 'random';
}

/** The goal that the parameters describe. */
export function goalOptions({ loss, targeted, like }: GoalParameters, seed: Seed): GoalOptions {
  return { loss, seed, rounded: like !== undefined, ...(targeted === undefined ? {} : { targeted }) };
}
