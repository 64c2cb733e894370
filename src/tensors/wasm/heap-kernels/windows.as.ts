/**
 * The windows of a convolution, as all kernels here read them: an image at a time is copied into a frame of zeros that is as large as
 * the windows reach, so that the pixels under one row of a filter are one stretch of memory wherever the window lies.
 */

/** Bytes of a float32. */
export const float: usize = 4;

export let count: i32 = 0;
export let height: i32 = 0;
export let width: i32 = 0;
export let channels: i32 = 0;
export let outHeight: i32 = 0;
export let outWidth: i32 = 0;
export let filters: i32 = 0;
export let filterHeight: i32 = 0;
export let filterWidth: i32 = 0;
export let strideHeight: i32 = 0;
export let strideWidth: i32 = 0;
export let top: i32 = 0;
export let left: i32 = 0;

/** Height and width of the frame. */
export let frameHeight: i32 = 0;
export let frameWidth: i32 = 0;

/** Sets the shapes for the calls that follow. */
export function setWindows(
  images: i32,
  inHeight: i32,
  inWidth: i32,
  inChannels: i32,
  rows: i32,
  columns: i32,
  outChannels: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  stepDown: i32,
  stepAcross: i32,
  padTop: i32,
  padLeft: i32,
): void {
  count = images;
  height = inHeight;
  width = inWidth;
  channels = inChannels;
  outHeight = rows;
  outWidth = columns;
  filters = outChannels;
  filterHeight = kernelHeight;
  filterWidth = kernelWidth;
  strideHeight = stepDown;
  strideWidth = stepAcross;
  top = padTop;
  left = padLeft;
  frameHeight = (outHeight - 1) * strideHeight + filterHeight;
  frameWidth = (outWidth - 1) * strideWidth + filterWidth;
}

/** Bytes of a frame. What is read beyond the last pixel is multiplied, and the product thrown away. */
export function frameBytes(): usize {
  return (<usize>(frameHeight * frameWidth * channels + 8) * float + 15) & ~15;
}

/** Copies one image into its frame, whose border is zero already. */
export function frameImage(image: usize, frame: usize): void {
  const pixel = <usize>channels * float;
  const rowBytes = <usize>frameWidth * pixel;
  const columns = min(width, frameWidth - left);
  const rows = min(height, frameHeight - top);
  if (columns <= 0) return;
  for (let y = 0; y < rows; y++) {
    memory.copy(
      frame + <usize>(y + top) * rowBytes + <usize>left * pixel,
      image + <usize>(y * width) * pixel,
      <usize>columns * pixel,
    );
  }
}

/** Rounds up to a multiple of 8, the outputs that are computed together. */
export function eights(extent: i32): i32 {
  return (extent + 7) & ~7;
}

/** Rounds up to a multiple of 6, the rows that are computed together. */
export function sixes(extent: i32): i32 {
  return ((extent + 5) / 6) * 6;
}
