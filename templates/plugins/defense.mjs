// @ts-check
import { defenseStage, Type } from 'ravelin';

/** Moves each pixel towards middle grey: p′ = 0.5 + contrast · (p − 0.5). */
const defense = defenseStage({
  uses: 'defense/my-plugin',
  version: 1,
  summary: 'My plugin: less contrast',
  with: {
    contrast: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.8,
      description: 'factor on the distance to middle grey',
    }),
  },
  // It is cheap, so predictions apply its recipe instead of storing its images.
  onTheFly: true,
  defense: {
    // Each row by itself, without writing into `pixels`.
    apply: (pixels, _shape, { contrast }) => pixels.map((value) => 0.5 + contrast * (value - 0.5)),
    // The derivative of `apply`, transposed. Without it, attacks through the defense take the identity (BPDA).
    pullBack: (gradient, _input, _shape, { contrast }) => gradient.map((slope) => contrast * slope),
  },
});

export const stages = [defense];
