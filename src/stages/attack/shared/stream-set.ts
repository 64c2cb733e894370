import type { ImageSet, SetPart } from '../../../attacks/image-set.ts';
import type { ImageBatch } from '../../../attacks/images.ts';
import type { Streamed } from '../../../runtime/stage.ts';
import type { Images } from '../../../values/images.ts';
import type { Preparation } from '../../../values/preparation.ts';
import { countOf, sliceValue, toFloats } from '../../../values/slices.ts';
import type { PerImage } from '../../../values/value.ts';

/** The first `limit` images of a set, with what an attack has prepared on them if that is given. */
export function streamSet(
  images: Streamed<Images>,
  limit: number,
  preparation?: Streamed<Preparation>,
): ImageSet {
  return {
    *[Symbol.iterator](): Generator<SetPart> {
      const streams = preparation === undefined ? [images] : [images, preparation];
      for (const [some, prepared] of inStep<[Images, Preparation?]>(streams, limit))
        yield { images: batchOf(some), ...(prepared && { preparation: prepared }) };
    },
  };
}

/**
 * Values over the same images, cut to the same images: each step gives as many as all streams have in one piece, and
 * `limit` images in all.
 */
export function* inStep<T extends readonly unknown[]>(
  streams: readonly Streamed<PerImage>[],
  limit = Infinity,
): Generator<T> {
  const iterators = streams.map((stream) => stream[Symbol.iterator]());
  const current = iterators.map((): { value: PerImage; used: number } | null => null);
  for (let left = limit; left > 0;) {
    for (const [index, iterator] of iterators.entries()) {
      const now = current[index];
      if (now !== null && now !== undefined && now.used < countOf(now.value)) continue;
      const step = iterator.next();
      if (step.done === true) return;
      current[index] = { value: step.value, used: 0 };
    }
    const held = current as { value: PerImage; used: number }[];
    const count = Math.min(left, ...held.map(({ value, used }) => countOf(value) - used));
    yield held.map(({ value, used }) =>
      used === 0 && count === countOf(value) ? value : sliceValue(value, used, count),
    ) as unknown as T;
    for (const piece of held) piece.used += count;
    left -= count;
  }
}

/** Images as attacks take them. */
export function batchOf({ pixels, shape, labels, ids }: Images): ImageBatch {
  return { pixels: toFloats(pixels), shape, labels, ids };
}
