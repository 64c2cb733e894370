import { Type } from '@sinclair/typebox';
import { attackStage } from './attack-stage.ts';

/** Random noise of the same size as an attack: what the attack is worth is what it adds to this. */
export const noise = attackStage({
  uses: 'attack/noise',
  version: 1,
  summary: 'Random noise, which knows neither model nor label: the control for every attack',
  knob: {
    name: 'epsilon',
    minimum: 0,
    maximum: 1000,
    description: 'standard deviation (gaussian) or half width (uniform), in units of [0, 1] pixels',
  },
  presets: 'foolbox and torchattacks change nothing',
  with: {
    distribution: Type.Union([Type.Literal('gaussian'), Type.Literal('uniform')], {
      default: 'gaussian',
      description: 'of each channel of each pixel',
    }),
  },
  attack: async ({ distribution }, seed) => {
    const { noise } = await import('../../attacks/noise.ts');
    return noise({ distribution, seed });
  },
});
