import { Type } from '@sinclair/typebox';
import { attackStage } from './shared/attack-stage.ts';
import { targetedParameter } from './shared/goal.ts';
import { foundScale } from './shared/minimum-norm.ts';

/** HopSkipJump (Chen, Jordan and Wainwright 2020). */
export const hopSkipJumpStage = attackStage({
  uses: 'attack/hop-skip-jump',
  version: 1,
  summary:
    'HopSkipJump: the smallest L2 or L∞ perturbation by the predicted class alone, without logits or gradients',
  strength: foundScale,
  with: {
    norm: Type.Union([Type.Literal('l2'), Type.Literal('linf')], {
      default: 'l2',
      description: 'norm of the perturbation',
    }),
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 10_000,
      default: 40,
      description: 'jumps of an image; 40 take about 18,000 queries',
    }),
    firstSamples: Type.Integer({
      unit: 'queries',
      minimum: 1,
      maximum: 1_000_000,
      default: 100,
      description: 'queries for the direction of the first jump; jump t takes √t times as many',
    }),
    mostSamples: Type.Integer({
      unit: 'queries',
      minimum: 1,
      maximum: 1_000_000,
      default: 10_000,
      description: 'maximum number of queries for a direction',
    }),
    starts: Type.Integer({
      unit: 'images',
      minimum: 1,
      maximum: 100_000,
      default: 100,
      description:
        'random images that are tried until one is misclassified (or classified as the target); an image without one is left unchanged',
    }),
    ...targetedParameter,
  },
  example: { steps: 2, firstSamples: 10 },
  // A forward pass costs about a third of a gradient.
  effort: ({ steps, firstSamples, mostSamples }) => {
    const samples = Array.from({ length: steps }, (_, jump) =>
      Math.min(mostSamples, firstSamples * Math.sqrt(jump + 1)),
    );
    return { steps: samples.reduce((sum, count) => sum + count + 25, 0), gradientsPerStep: 1 / 3 };
  },
  attack: async (params, seed) => {
    const { hopSkipJump } = await import('../../attacks/hop-skip-jump.ts');
    const { norm, steps, firstSamples, mostSamples, starts, targeted } = params;
    return hopSkipJump({
      norm,
      steps,
      firstSamples,
      mostSamples,
      starts,
      seed,
      ...(targeted === undefined ? {} : { targeted }),
    });
  },
});
