import { Type } from '@sinclair/typebox';

/** Parameters of the preprocessing inside the model, with the values of its family as defaults. */
export function preprocessingParameters(mean: readonly number[], std: readonly number[]) {
  return {
    mean: Type.Array(Type.Number({ unit: 'pixel value', minimum: 0, maximum: 1 }), {
      minItems: 1,
      default: [...mean],
      description:
        'subtracted from the [0, 1] pixels inside the model; one number, or one per channel. Values in units of 0 to 255 are divided by 255: [125/255]',
    }),
    std: Type.Array(Type.Number({ unit: 'pixel value', exclusiveMinimum: 0, maximum: 10 }), {
      minItems: 1,
      default: [...std],
      description: 'the pixels are divided by it after the mean; one number, or one per channel',
    }),
  };
}

/** One value for each channel, from one for each or a single one for all. */
export function perChannel(values: readonly number[], channels: number): readonly number[] {
  return values.length === 1 ? Array.from({ length: channels }, () => values[0]!) : values;
}
