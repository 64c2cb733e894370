import { Type } from '@sinclair/typebox';
import { defenseStage } from './shared/defense-stage.ts';

/** Bit-depth reduction (Xu et al. 2017; Guo et al. 2018, section 4.1). */
export const bitDepthStage = defenseStage({
  uses: 'defense/bit-depth',
  version: 1,
  summary: 'Bit-depth reduction: each channel is rounded to a few levels',
  with: {
    bits: Type.Integer({
      unit: 'bits',
      minimum: 1,
      maximum: 8,
      default: 3,
      description: 'bits a channel; 3 in the paper',
    }),
    compat: Type.Union([Type.Literal('paper'), Type.Literal('fb')], {
      default: 'paper',
      description: "paper: 2^bits levels; fb: the 2^bits + 1 levels of the authors' code",
    }),
  },
  onTheFly: true,
  load: async () => (await import('../../defenses/bit-depth.ts')).bitDepth,
});
