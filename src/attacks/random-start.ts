import type { RandomStream } from '../tensors/random.ts';
import { projectOntoBallInBox } from './l1-box.ts';
import { type DistanceNorm, lengthOf } from './norms.ts';
import { clip } from './projections.ts';

/** Moves one image to the point of the L1 ball in the box that is nearest to a draw of normal noise around it. */
export function jumpIntoL1Ball(pixels: Float32Array, radius: number, stream: RandomStream): void {
  const draw = new Float32Array(pixels.length);
  stream.fillNormal(draw);
  const delta = Float64Array.from(draw);
  projectOntoBallInBox(delta, pixels, radius);
  for (let at = 0; at < pixels.length; at++) pixels[at]! += delta[at]!;
  clip(pixels, 0, pixels.length);
}

/**
 * Moves one image by `radius` in a random direction: uniform in the cube (L∞) or normal (L2, L1), scaled to length 1 in
 * the norm. Clips to [0, 1].
 */
export function jumpToSphere(
  pixels: Float32Array,
  radius: number,
  norm: DistanceNorm,
  stream: RandomStream,
): void {
  const draw = new Float32Array(pixels.length);
  if (norm === 'linf') for (let at = 0; at < draw.length; at++) draw[at] = 2 * stream.uniform() - 1;
  else stream.fillNormal(draw);
  const factor = radius / Math.max(lengthOf(draw, norm), 1e-12);
  for (let at = 0; at < pixels.length; at++) pixels[at]! += factor * draw[at]!;
  clip(pixels, 0, pixels.length);
}
