import { Type } from '@sinclair/typebox';

/** Parameters of the preprocessing inside the model, with the values of its family as defaults. */
export function preprocessingParameters(mean: readonly number[], std: readonly number[]) {
  return {
    mean: Type.Array(Type.Number(), {
      minItems: 1,
      default: [...mean],
      description: 'subtracted from the [0, 1] pixels inside the model; one number, or one per channel',
    }),
    std: Type.Array(Type.Number({ exclusiveMinimum: 0 }), {
      minItems: 1,
      default: [...std],
      description: 'the pixels are divided by it after the mean; one number, or one per channel',
    }),
  };
}
