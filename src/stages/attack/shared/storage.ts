import { Type } from '@sinclair/typebox';
import type { Images } from '../../../values/images.ts';

/** The type in which adversarial images are stored. */
export interface StorageParameters {
  readonly storeAs?: 'float32' | 'uint8';
}

export const storageParameters = {
  storeAs: Type.Optional(
    Type.Union([Type.Literal('float32'), Type.Literal('uint8')], {
      description:
        'uint8: the adversarial images are rounded to bytes, as the file of an attacker would be, in a quarter of the space; the perturbation is measured after that. Default: float32',
    }),
  ),
};

/** The parameter alone, if it is set. */
export function storageOf({ storeAs }: StorageParameters): StorageParameters {
  return storeAs === undefined ? {} : { storeAs };
}

/**
 * Rounds pixels in [0, 1] to bytes, halves upwards. `rounded` are the same bytes as floats, value / 255, as every reader
 * of the images takes them.
 */
export function roundToBytes(pixels: Float32Array): {
  readonly bytes: Extract<Images['pixels'], Uint8Array>;
  readonly rounded: Float32Array;
} {
  const bytes = new Uint8Array(pixels.length);
  const rounded = new Float32Array(pixels.length);
  for (let index = 0; index < pixels.length; index++) {
    bytes[index] = Math.round(pixels[index]! * 255);
    rounded[index] = bytes[index]! / 255;
  }
  return { bytes, rounded };
}
