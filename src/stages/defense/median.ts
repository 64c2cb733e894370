import { Type } from '@sinclair/typebox';
import { defenseStage } from './shared/defense-stage.ts';
import { oddSide } from '../shared/odd-side.ts';

/** Median smoothing (Xu et al. 2017, section II.C): a weak baseline. */
export const medianStage = defenseStage({
  uses: 'defense/median',
  version: 1,
  summary: 'Median of the window around each pixel, channel by channel',
  with: {
    size: Type.Integer({
      minimum: 1,
      maximum: 31,
      default: 3,
      unit: 'px',
      description: 'side of the window, odd',
    }),
  },
  check: ({ size }) => oddSide('size', size),
  load: async () => (await import('../../defenses/median.ts')).median,
});
