import { linearTaps } from './taps.ts';

/** A square crop of an image `[height, width, channels]`, the upper left corner of which is at (top, left). */
export interface Crop {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly size: number;
  readonly top: number;
  readonly left: number;
}

/** The definition of resizing a crop to the size of its image, bilinearly: rows are widened before they are mixed. */
export function resizeByDefinition(
  image: Float32Array,
  { height, width, channels, size, top, left }: Crop,
): Float32Array {
  const down = linearTaps(size, height);
  const across = linearTaps(size, width);
  const widened = (row: number, x: number, channel: number): number => {
    const at = (column: number): number => image[((top + row) * width + left + column) * channels + channel]!;
    const share = across.weight[x]!;
    return at(across.first[x]!) * (1 - share) + at(across.second[x]!) * share;
  };
  return Float32Array.from({ length: height * width * channels }, (_, index) => {
    const [y, x] = [Math.floor(index / (width * channels)), Math.floor(index / channels) % width];
    const below = down.weight[y]!;
    const above = 1 - below;
    const channel = index % channels;
    return widened(down.first[y]!, x, channel) * above + widened(down.second[y]!, x, channel) * below;
  });
}
