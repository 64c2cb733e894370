import { Type } from '@sinclair/typebox';
import { attackStage } from './shared/attack-stage.ts';
import { defaultBudget } from './shared/budget.ts';
import { anyBallNormParameter, ballStrength, fartherAttack } from './shared/goal.ts';

/** Square (Andriushchenko et al. 2020). */
export const squareStage = attackStage({
  uses: 'attack/square',
  version: 2,
  summary: 'Square: black-box random search in an L∞, L2 or L1 ball, by logits alone',
  strength: ballStrength,
  with: {
    ...anyBallNormParameter,
    ...defaultBudget(5000),
    initialShare: Type.Number({
      unit: 'share',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.8,
      description:
        'share of the pixels that the first squares change; it is halved nine times in 8,000 queries',
    }),
    rescaled: Type.Boolean({
      default: false,
      description:
        'shrink the squares in proportion to the number of queries, as the paper does, instead of as for 10,000 queries whatever their number, as AutoAttack does',
    }),
    restarts: Type.Integer({
      unit: 'runs',
      minimum: 1,
      maximum: 1000,
      default: 1,
      description:
        'runs from different starts, which share the queries; an image that has been misclassified is not run again',
    }),
  },
  example: { epsilon: 8 / 255, queries: 50 },
  // A forward pass costs about a third of a gradient.
  effort: ({ queries }) => ({ steps: queries, gradientsPerStep: 1 / 3 }),
  goFartherBy: () => fartherAttack,
  attack: async (params, seed) => {
    const { square } = await import('../../attacks/square.ts');
    const { norm, queries, initialShare, restarts } = params;
    // The original is classified once.
    const each = Math.max(1, Math.floor((queries - 1) / restarts));
    return square({ norm, queries: each, initialShare, restarts, seed });
  },
});
