import { toFloats } from '../values/slices.ts';
import type { Transform, TransformStep } from '../values/transform.ts';
import { type BitDepthParameters, reduceBitDepth } from './bit-depth.ts';
import type { JpegParameters } from './jpeg.ts';

export type PixelShape = readonly [rows: number, height: number, width: number, channels: number];
export type Pixels = Float32Array | Uint8Array;

/**
 * Applies the steps of a defense in order to `[n, height, width, channels]` pixels in [0, 1] (bytes stand for value / 255). Keeps the
 * shape; the identity returns its argument. Each row is transformed by itself. Throws `RangeError` for an unknown step.
 */
export async function applyTransform(
  transform: Transform,
  pixels: Pixels,
  shape: PixelShape,
  signal?: AbortSignal,
): Promise<Pixels> {
  let current = pixels;
  for (const step of transform.steps) current = await applyStep(step, toFloats(current), shape, signal);
  return current;
}

async function applyStep(
  step: TransformStep,
  pixels: Float32Array,
  shape: PixelShape,
  signal: AbortSignal | undefined,
): Promise<Pixels> {
  // Parameters were checked against the schema of the stage that made the step.
  switch (step.name) {
    case 'bit-depth':
      return reduceBitDepth(pixels, step.params as unknown as BitDepthParameters);
    case 'jpeg': {
      const { compressJpeg } = await import('./jpeg.ts');
      return compressJpeg(pixels, shape, step.params as unknown as JpegParameters, signal);
    }
    default:
      throw new RangeError(`'${step.name}' is no defense that can be applied`);
  }
}
