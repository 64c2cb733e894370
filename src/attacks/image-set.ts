import type { Preparation } from '../values/preparation.ts';
import { type ImageBatch, imageSize } from './images.ts';

/**
 * Images of a set that come one part after the other, so that a set of any size can be searched. It can be
 * iterated several times.
 */
export type ImageSet = Iterable<SetPart>;

export interface SetPart {
  readonly images: ImageBatch;
  /** Preparation of the attack on these images, if it has one. */
  readonly preparation?: Preparation;
}

/** `count` of `total` rows, evenly spaced and in order. */
export function evenlySpaced(total: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, index) => Math.floor((index * total) / count));
}

/** Some rows of a set, in order, as one part. Throws `RangeError` for an empty set. */
export function gatherRows(set: ImageSet, rows: Int32Array): SetPart {
  let gathered: SetPart | undefined;
  let first = 0;
  let taken = 0;
  for (const part of set) {
    gathered ??= emptyPart(part, rows.length);
    const end = first + part.images.shape[0];
    for (; taken < rows.length && rows[taken]! < end; taken++)
      copyRow(part, rows[taken]! - first, gathered, taken);
    first = end;
  }
  if (gathered === undefined) throw new RangeError('the set has no images');
  return gathered;
}

function emptyPart({ images, preparation }: SetPart, count: number): SetPart {
  const [, height, width, channels] = images.shape;
  const shape = [count, height, width, channels] as const;
  const values = count * imageSize(shape);
  const empty = {
    images: {
      pixels: new Float32Array(values),
      shape,
      labels: new Int32Array(count),
      ids: new Int32Array(count),
    },
  };
  if (preparation === undefined) return empty;
  const isSigns = preparation.displacement instanceof Int8Array;
  return {
    ...empty,
    preparation: {
      kind: 'preparation',
      displacement: isSigns ? new Int8Array(values) : new Float32Array(values),
      shape,
      initial: new Int32Array(count),
      states: new Uint8Array(count),
      flat: new Uint8Array(count),
      ids: new Int32Array(count),
    },
  };
}

function copyRow(from: SetPart, row: number, to: SetPart, at: number): void {
  const size = imageSize(from.images.shape);
  const copy = <A extends Float32Array | Int32Array | Int8Array | Uint8Array>(
    source: A,
    target: A,
    width: number,
  ): void => target.set(source.subarray(row * width, (row + 1) * width), at * width);
  copy(from.images.pixels, to.images.pixels, size);
  copy(from.images.labels, to.images.labels, 1);
  copy(from.images.ids, to.images.ids, 1);
  const { preparation: prepared } = from;
  const copied = to.preparation;
  if (prepared === undefined || copied === undefined) return;
  copy(prepared.displacement, copied.displacement, size);
  copy(prepared.initial, copied.initial, 1);
  copy(prepared.states, copied.states, 1);
  copy(prepared.flat, copied.flat, 1);
  copy(prepared.ids, copied.ids, 1);
}
