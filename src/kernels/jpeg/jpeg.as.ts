/**
 * The JPEG round trip of a batch of images with 128-bit SIMD, in integers except for the division by quanta.
 * reference.ts is the definition, which this equals byte for byte; docs/kernels.md explains the idea. Only
 * wasm.ts calls it.
 */
import { roundToBytes } from './bytes.as';
import {
  blue,
  channels,
  chromaHeight,
  chromaStride,
  chromaWidth,
  floats,
  height,
  luma,
  lumaStride,
  quanta,
  red,
  source,
  tableAt,
  target,
  width,
} from './layout.as';
import { mergeColours, mergeGrey } from './merge.as';
import { splitColours, splitGrey } from './split.as';
import { changePlane, prepareTable } from './transform.as';

export { floats, reserve, target } from './layout.as';

/** Address of the 64 quanta of luma (0) or chroma (1), in int16. */
export function quantaAddress(table: i32): usize {
  return tableAt(table) + quanta;
}

/** Rounds the pixels of the first `count` images from `floats` to bytes. */
export function roundFloats(count: i32): void {
  roundToBytes(floats, source, <usize>count * <usize>height * <usize>width * <usize>channels);
}

/** Changes the first `count` reserved images by the quanta that were written, to `target`. */
export function roundTrip(count: i32): void {
  prepareTable(tableAt(0));
  prepareTable(tableAt(1));
  const bytes = <usize>height * <usize>width * <usize>channels;
  // In order, because each image overwrites a few bytes after it.
  for (let image: usize = 0; image < <usize>count; image++) {
    const from = source + image * bytes;
    const to = target + image * bytes;
    if (channels == 1) {
      splitGrey(from);
      changePlane(luma, lumaStride, height, width, tableAt(0));
      mergeGrey(to);
    } else {
      splitColours(from);
      changePlane(luma, lumaStride, height, width, tableAt(0));
      changePlane(blue, chromaStride, chromaHeight, chromaWidth, tableAt(1));
      changePlane(red, chromaStride, chromaHeight, chromaWidth, tableAt(1));
      mergeColours(to);
    }
  }
}
