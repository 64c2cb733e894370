import type { Draw, Pixels, PixelShape } from '../../src/defenses/defense.ts';
import {
  openTransform,
  type OpenTransform,
  type TransformedView,
} from '../../src/defenses/open-transform.ts';
import * as images from '../../src/defenses/transform-images.ts';
import { stages } from '../../src/stages/index.ts';
import { defensesOf } from '../../src/stages/shared/open-recipe.ts';
import type { Images } from '../../src/values/images.ts';
import type { Transform } from '../../src/values/transform.ts';

/** A recipe with the built-in defenses. */
export function opened(transform: Transform): Promise<OpenTransform> {
  return openTransform(transform, defensesOf(stages));
}

export async function transformOnce(
  transform: Transform,
  pixels: Pixels,
  shape: PixelShape,
  draw: Draw,
): Promise<Pixels> {
  return (await opened(transform)).apply(pixels, shape, draw);
}

export async function transformWithPullBack(
  transform: Transform,
  pixels: Float32Array,
  shape: PixelShape,
  draw: Draw,
): Promise<TransformedView> {
  return (await opened(transform)).applyWithPullBack(pixels, shape, draw);
}

/** All views by the draws of the defense itself. */
export async function transformImages(transform: Transform, given: Images): Promise<Images> {
  const recipe = await opened(transform);
  return images.transformImages(recipe, given, { seed: recipe.evaluationSeed });
}
