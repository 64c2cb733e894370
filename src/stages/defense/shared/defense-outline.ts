import { addWork, valuesOf } from '../../../values/outline.ts';
import type { ImagesOutline, Outline, TransformOutline } from '../../../values/outline.ts';

/** The outline of a defense, which transforms images if it is given any. */
export function defenseOutline(
  transform: TransformOutline,
  images: ImagesOutline | undefined,
  givesBytes: boolean,
): Outline {
  if (images === undefined) return { perImage: {}, perUnit: {}, out: { transform }, memoryBytes: 0 };
  const views = images.views * transform.views;
  const transformed: ImagesOutline = { ...images, views, bytesPerValue: givesBytes ? 1 : 4 };
  return {
    perImage: addWork([valuesOf(images) * views, transform.work]),
    perUnit: {},
    out: { images: transformed, transform },
    memoryBytes: 0,
  };
}
