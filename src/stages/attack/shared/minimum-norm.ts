import { Type } from '@sinclair/typebox';
import type { StrengthDeclaration } from './attack-stage.ts';

/** The strength of attacks that look for the smallest perturbation. */
export const foundScale: StrengthDeclaration = {
  name: 'scale',
  unit: 'factor',
  minimum: 1,
  maximum: 10_000,
  natural: 1,
  description: 'factor on the perturbation that was found: 1 if no strength is given',
};

/** The norm in which a perturbation is as small as possible. */
export const distanceNormParameter = {
  norm: Type.Union([Type.Literal('linf'), Type.Literal('l2'), Type.Literal('l1')], {
    default: 'linf',
    description: 'norm of the perturbation',
  }),
};

/** The norm in which a perturbation is as small as possible, L0 included. */
export const measureParameter = {
  norm: Type.Union([Type.Literal('linf'), Type.Literal('l2'), Type.Literal('l1'), Type.Literal('l0')], {
    default: 'linf',
    description: 'norm of the perturbation; L0 counts the values (channels of pixels) that changed',
  }),
};
