import type { Transform, TransformStep } from '../values/transform.ts';
import type { Draw, PixelShape } from './apply.ts';
import { type CropParameters, pullBackCrop } from './crop.ts';

const linear: ReadonlySet<string> = new Set(['crop']);

/** Whether a step of the transform has a derivative of its own; otherwise `pullBackTransform` returns its argument. */
export function hasDerivative({ steps }: Transform): boolean {
  return steps.some(({ name }) => linear.has(name));
}

/**
 * Gradient of a loss with respect to the images, from its gradient with respect to one draw of their transform (the same
 * `draw` as in `transformOnce`). Exact for steps that are linear; every other step counts as the identity, the backward
 * pass differentiable approximation of Athalye, Carlini and Wagner (2018, section 4.1).
 */
export function pullBackTransform(
  transform: Transform,
  gradient: Float32Array,
  shape: PixelShape,
  draw: Draw,
): Float32Array {
  return transform.steps.reduceRight((current, step) => pullBackStep(step, current, shape, draw), gradient);
}

function pullBackStep(
  { name, params }: TransformStep,
  gradient: Float32Array,
  shape: PixelShape,
  draw: Draw,
): Float32Array {
  if (name === 'crop') return pullBackCrop(gradient, shape, params as unknown as CropParameters, draw);
  return gradient;
}
