import type { RandomStream } from '../tensors/random.ts';

/** Height, width and channels of an image, row-major. */
export type ImageSides = readonly [height: number, width: number, channels: number];

/** An image that is made smaller and put somewhere on a black one of its own size. */
export interface Placement {
  readonly height: number;
  readonly width: number;
  readonly top: number;
  readonly left: number;
}

/**
 * Draws a placement, or null with probability 1 − `probability` (Xie et al. 2019, "Improving transferability of adversarial
 * examples with input diversity", section 3.2). As in the authors' code, the height is uniform in {⌊smallest · h⌋, …, h − 1}
 * and the offsets are uniform in {0, …, h − height − 1}, likewise for the width, which keeps its proportion.
 */
export function drawPlacement(
  [height, width]: ImageSides,
  { probability, smallest }: { readonly probability: number; readonly smallest: number },
  stream: RandomStream,
): Placement | null {
  if (!stream.bernoulli(probability) || Math.min(height, width) < 2) return null;
  const least = Math.min(height - 1, Math.max(1, Math.floor(height * smallest)));
  const rows = least + stream.integer(height - least);
  const columns = Math.min(width - 1, Math.max(1, Math.floor((rows * width) / height)));
  const top = stream.integer(height - rows);
  return { height: rows, width: columns, top, left: stream.integer(width - columns) };
}

/** The image at its placement: resized bilinearly (pixel centres at half integers, no smoothing), and 0 around it. */
export function place(image: Float32Array, sides: ImageSides, placement: Placement): Float32Array {
  const placed = new Float32Array(image.length);
  forEachWeight(sides, placement, (to, from, weight) => {
    placed[to]! += weight * image[from]!;
  });
  return placed;
}

/** The gradient with respect to the image, of a gradient with respect to the placed image: the transpose of `place`. */
export function pullBackPlacement(
  gradient: Float32Array,
  sides: ImageSides,
  placement: Placement,
): Float32Array {
  const pulled = new Float32Array(gradient.length);
  forEachWeight(sides, placement, (to, from, weight) => {
    pulled[from]! += weight * gradient[to]!;
  });
  return pulled;
}

/** Visits all pairs of a value of the placed image and one of the image on which it depends. */
function forEachWeight(
  [height, width, channels]: ImageSides,
  { height: rows, width: columns, top, left }: Placement,
  visit: (to: number, from: number, weight: number) => void,
): void {
  const down = neighbours(height, rows);
  const across = neighbours(width, columns);
  for (const [row, verticals] of down.entries()) {
    for (const [column, horizontals] of across.entries()) {
      const to = ((top + row) * width + left + column) * channels;
      for (const vertical of verticals) {
        for (const horizontal of horizontals) {
          const from = (vertical.at * width + horizontal.at) * channels;
          const weight = vertical.weight * horizontal.weight;
          for (let channel = 0; channel < channels; channel++) visit(to + channel, from + channel, weight);
        }
      }
    }
  }
}

/** For each of `count` places the two of `length` between which it lies, with their weights. */
function neighbours(
  length: number,
  count: number,
): readonly (readonly { readonly at: number; readonly weight: number }[])[] {
  return Array.from({ length: count }, (_, index) => {
    const source = Math.max(0, ((index + 0.5) * length) / count - 0.5);
    const at = Math.min(length - 1, Math.floor(source));
    const weight = source - at;
    return [
      { at, weight: 1 - weight },
      { at: Math.min(length - 1, at + 1), weight },
    ];
  });
}
