import type { Images } from '../values/images.ts';
import { withoutTrace } from '../values/trace.ts';
import type { Draw, Pixels } from './defense.ts';
import type { OpenTransform } from './open-transform.ts';

/**
 * The images with all views that the defense gives: view v is draw v. If the images already have several
 * views, each of them is transformed with draws of its own: V views and a defense of W views give V × W
 * views, and those of one former view are consecutive. Labels, ids and perturbation stay, but not its trace.
 */
export async function transformImages(
  transform: OpenTransform,
  given: Images,
  { seed, ...hooks }: Pick<Draw, 'seed' | 'signal' | 'onRow' | 'onSolved'>,
): Promise<Images> {
  const { perturbation } = given;
  const images = perturbation ? { ...given, perturbation: withoutTrace(perturbation) } : given;
  const [, height, width, channels] = images.shape;
  const size = height * width * channels;
  const count = images.ids.length;
  const drawn = transform.views;
  const views = images.views * drawn;
  const shape = [count, height, width, channels] as const;
  let pixels: Pixels | null = null;
  for (let view = 0; view < views; view++) {
    hooks.signal?.throwIfAborted();
    const source = viewPixels(images, Math.floor(view / drawn), size);
    const transformed = await transform.apply(source, shape, { seed, draw: view, ids: images.ids, ...hooks });
    if (views === 1) return { ...images, pixels: transformed };
    pixels ??= newPixels(transformed, transformed.length * views);
    for (let row = 0; row < count; row++) {
      pixels.set(transformed.subarray(row * size, (row + 1) * size), (row * views + view) * size);
    }
  }
  return { ...images, pixels: pixels!, views, shape: [count * views, height, width, channels] };
}

/** One view of every image, `[count, height, width, channels]`. */
function viewPixels({ pixels, views, ids }: Images, view: number, size: number): Pixels {
  if (views === 1) return pixels;
  const chosen = newPixels(pixels, ids.length * size);
  for (let row = 0; row < ids.length; row++) {
    const from = (row * views + view) * size;
    chosen.set(pixels.subarray(from, from + size), row * size);
  }
  return chosen;
}

/** An array of zeros of the same type. */
function newPixels(like: Pixels, length: number): Pixels {
  return like instanceof Float32Array ? new Float32Array(length) : new Uint8Array(length);
}
