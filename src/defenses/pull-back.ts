import { toFloats } from '../values/slices.ts';
import type { Transform, TransformStep } from '../values/transform.ts';
import { type Draw, type PixelShape, transformOnce } from './apply.ts';
import { type CropParameters, pullBackCrop } from './crop.ts';
import type { JpegParameters } from './jpeg.ts';
import { pullBackJpeg } from './jpeg-derivative.ts';

export interface TransformedView {
  /** One draw of the transform, as `transformOnce` gives it. */
  readonly pixels: Float32Array;
  /**
   * Gradient with respect to the images, from the gradient of a loss with respect to `pixels`: the backward pass differentiable
   * approximation of Athalye, Carlini and Wagner (2018, section 4.1). Exact for a crop, Shin and Song's for JPEG, and the identity for all
   * other steps. There may be k gradients an image, which stand together: k consecutive rows.
   */
  readonly pullBack: (gradient: Float32Array) => Float32Array;
}

const withDerivative: ReadonlySet<string> = new Set(['crop', 'jpeg']);

/** Whether a step of the transform has a derivative of its own; otherwise `pullBack` returns its argument. */
export function hasDerivative({ steps }: Transform): boolean {
  return steps.some(({ name }) => withDerivative.has(name));
}

/** One draw of a transform for each row of `[rows, height, width, channels]` pixels in [0, 1], and the way back. */
export async function transformWithPullBack(
  transform: Transform,
  pixels: Float32Array,
  shape: PixelShape,
  draw: Draw,
): Promise<TransformedView> {
  let current = pixels;
  const inputs: Float32Array[] = [];
  for (const step of transform.steps) {
    inputs.push(current);
    current = toFloats(await transformOnce({ ...transform, steps: [step] }, current, shape, draw));
  }
  return {
    pixels: current,
    pullBack: (gradient) =>
      transform.steps.reduceRight(
        (slope, step, index) => pullBackStep(step, slope, inputs[index]!, shape, draw),
        gradient,
      ),
  };
}

function pullBackStep(
  { name, params }: TransformStep,
  gradient: Float32Array,
  input: Float32Array,
  shape: PixelShape,
  draw: Draw,
): Float32Array {
  // Parameters were checked against the schema of the stage that made the step.
  if (name === 'jpeg') return pullBackJpeg(gradient, shape, params as unknown as JpegParameters, input);
  if (name !== 'crop') return gradient;
  const copies = gradient.length / input.length;
  const [rows, height, width, channels] = shape;
  const ids = Int32Array.from({ length: rows * copies }, (_, row) => draw.ids[Math.floor(row / copies)]!);
  const all = [rows * copies, height, width, channels] as const;
  return pullBackCrop(gradient, all, params as unknown as CropParameters, { ...draw, ids });
}
