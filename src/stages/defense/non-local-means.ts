import { Type } from '@sinclair/typebox';
import { defenseStage } from './shared/defense-stage.ts';
import { oddSide } from '../shared/odd-side.ts';

/** Non-local means (Buades et al. 2005), as Xu et al. 2017, section II.C, use it. */
export const nonLocalMeansStage = defenseStage({
  uses: 'defense/non-local-means',
  version: 1,
  summary: 'Non-local means: each pixel becomes a mean of pixels with similar surroundings',
  with: {
    patch: Type.Integer({
      minimum: 3,
      maximum: 31,
      default: 3,
      unit: 'px',
      description: 'side of the patches that are compared, odd',
    }),
    distance: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 5,
      unit: 'px',
      description: 'pixels up to this many rows and columns away are averaged',
    }),
    h: Type.Number({
      unit: 'pixel value',
      exclusiveMinimum: 0,
      maximum: 10,
      default: 4 / 255,
      description: 'strength: patches that differ by h in quadratic mean weigh 1/e',
    }),
  },
  check: ({ patch }) => oddSide('patch', patch),
  load: async () => (await import('../../defenses/non-local-means.ts')).nonLocalMeans,
});
