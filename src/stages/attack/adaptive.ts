import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { attackOutline } from './shared/attack-outline.ts';
import { budgetParameters } from './shared/budget.ts';
import { drawsTarget, goalOptions, goalParameters } from './shared/goal.ts';
import { storageOf, storageParameters } from './shared/storage.ts';
import { adversarialPort, targetPorts, throughParameters } from './shared/target.ts';
import { traceParameters } from './shared/trace.ts';

/**
 * The attack that broke the defenses of Guo et al. 2018 (Athalye, Carlini and Wagner 2018, section 5.3.2).
 */
export const adaptiveStage = defineStage({
  uses: 'attack/adaptive',
  version: 4,
  summary: 'Gradient ascent through a defense that the attacker knows, in an L2 ball: BPDA and EOT',
  with: Type.Object(
    {
      dissimilarity: Type.Number({
        unit: '‖x′ − x‖₂ / ‖x‖₂',
        exclusiveMinimum: 0,
        maximum: 100,
        default: 0.05,
        description: 'radius of the ball of each image: ‖x′ − x‖₂ / ‖x‖₂ is at most this; 0.05 in the paper',
      }),
      steps: Type.Integer({
        unit: 'steps',
        minimum: 1,
        maximum: 100_000,
        default: 1000,
        description: 'number of steps; 1,000 in the paper',
      }),
      learningRate: Type.Number({
        unit: 'pixel value',
        exclusiveMinimum: 0,
        default: 0.1,
        description: 'L2 length of a step, in units of [0, 1] pixels; 0.1 in the paper',
      }),
      ...goalParameters,
      ...throughParameters,
      ...budgetParameters,
      ...storageParameters,
      ...traceParameters,
    },
    { additionalProperties: false },
  ),
  in: {
    ...targetPorts,
    through: port('transform', { description: 'the defense that the attacker knows and goes through' }),
  },
  out: { images: adversarialPort },
  example: { steps: 20 },
  unset: { trace: false },
  shard: 'images',
  randomness: (params, drawsAt) => drawsTarget(params) || drawsAt('through'),
  device: true,
  outline: (context) =>
    attackOutline(context, {
      steps: context.params.steps,
      prepared: null,
      isIdentity: false,
      searchesImages: false,
    }),
  run: async (context) => {
    const { adaptiveAscent } = await import('../../attacks/adaptive.ts');
    const { runAttack } = await import('./shared/run-attack.ts');
    const { dissimilarity, steps, learningRate, ...params } = context.params;
    const attack = adaptiveAscent({ ...goalOptions(params, context.seed), steps, learningRate });
    // The bound is the attack's own strength, so no strength is searched.
    const run = {
      name: 'dissimilarity',
      strength: dissimilarity,
      through: params,
      ...storageOf(params),
      ...(params.queries !== undefined && { limit: params.queries }),
      isTraced: params.trace === true,
    };
    return { images: await runAttack(context, run, attack) };
  },
});
