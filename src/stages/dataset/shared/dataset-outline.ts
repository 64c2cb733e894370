import type { Outline, Work } from '../../../values/outline.ts';

/** The outline of a dataset of bytes. `decoding` is the work for an image beside reading it. */
export function datasetOutline(
  [height, width, channels]: readonly [height: number, width: number, channels: number],
  decoding: Work = {},
): Outline {
  return {
    perImage: decoding,
    perUnit: {},
    out: { images: { kind: 'images', height, width, channels, bytesPerValue: 1, views: 1 } },
    memoryBytes: 0,
  };
}
