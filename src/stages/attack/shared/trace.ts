import { Type } from '@sinclair/typebox';

/** Whether the course of an attack is kept. */
export interface TraceParameters {
  readonly trace?: boolean;
}

/** The parameter of every attack that is not made of several. */
export const traceParameters = {
  trace: Type.Optional(
    Type.Boolean({
      description:
        'keep loss, margin, distance and success of each image at each step with the images, for evaluate/trace; costs one more forward pass of an image. Default: false',
    }),
  ),
};

/** The parameters without `trace`, for what is the same with and without one. */
export function withoutTrace<P extends Readonly<Record<string, unknown>>>(params: P): Omit<P, 'trace'> {
  const { trace: _trace, ...rest } = params;
  return rest;
}
