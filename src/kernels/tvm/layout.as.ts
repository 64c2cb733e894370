/**
 * Where a channel lies in memory. Each channel owns ten planes. A row of a plane holds its even columns, then its odd columns,
 * so that the red and the black half of a checkerboard are contiguous; zeros stand around rows and halves, so that no loop asks
 * for borders.
 */

const lanes: i32 = 4;
/** Bytes on each side of a half row: one vector. */
export const padding: usize = 16;
const planesOfChannel: i32 = 10;

export let height: i32 = 0;
export let width: i32 = 0;
export let channels: i32 = 0;
/** Bytes of a half row without its padding, of a half row, of a row, of a plane. */
export let span: usize = 0;
export let halfBytes: usize = 0;
export let rowBytes: usize = 0;
export let planeBytes: usize = 0;
/** One row: 1 inside the image, 0 outside; and the number of horizontal neighbours. */
export let inside: usize = 0;
export let horizontal: usize = 0;
/** The split vertical gradient of the row above, for each of the iterations that go over the rows together. */
export let carried: usize = 0;
/** Iterations that go over the rows together. */
export const iterationsAtOnce: i32 = 5;
let pixels: usize = 0;
let planes: usize = 0;

// The planes of the current channel.
export let target: usize = 0; // the pixel, or −1 where it was dropped
export let u: usize = 0; // the image sought
export let ahead: usize = 0; // its black pixels, moved on by their last step
export let pull: usize = 0; // mf / μ
export let inverse: usize = 0; // 1 / (m/μ + neighbours)
export let ex: usize = 0; // e = b + (1 − ρ)d, with d the split gradient and b its scaled dual
export let ey: usize = 0;
export let gx: usize = 0; // g = d − b
export let gy: usize = 0;
export let rightSide: usize = 0; // mf / μ + ∇ᵀg

/** Makes room for an image; returns the address of its float32 pixels, row-major [height, width, channels], or 0 where there is none. */
export function reserve(imageHeight: i32, imageWidth: i32, imageChannels: i32): usize {
  height = imageHeight;
  width = imageWidth;
  channels = imageChannels;
  const half = (((width + 1) >> 1) + lanes - 1) & ~(lanes - 1);
  span = (<usize>half) << 2;
  halfBytes = span + 2 * padding;
  rowBytes = 2 * halfBytes;
  planeBytes = <usize>(height + 2) * rowBytes;
  pixels = (__heap_base + 15) & ~15;
  inside = (pixels + ((<usize>height * width * channels) << 2) + 15) & ~15;
  horizontal = inside + rowBytes;
  carried = horizontal + rowBytes;
  planes = carried + <usize>iterationsAtOnce * rowBytes;
  const end = planes + <usize>channels * planesOfChannel * planeBytes;
  const pages = <i32>((end + 0xffff) >> 16) - memory.size();
  if (pages > 0 && memory.grow(pages) < 0) return 0;
  return pixels;
}

/** Empties all planes and describes a row. */
export function clear(): void {
  memory.fill(inside, 0, planes - inside + <usize>channels * planesOfChannel * planeBytes);
  for (let x = 0; x < width; x++) {
    const at = columnAt(x) + padding;
    store<f32>(inside + at, 1);
    store<f32>(horizontal + at, <f32>(i32(x > 0) + i32(x < width - 1)));
  }
}

export function usePlanes(c: i32): void {
  target = planes + <usize>c * planesOfChannel * planeBytes;
  u = target + planeBytes;
  ahead = u + planeBytes;
  pull = ahead + planeBytes;
  inverse = pull + planeBytes;
  ex = inverse + planeBytes;
  ey = ex + planeBytes;
  gx = ey + planeBytes;
  gy = gx + planeBytes;
  rightSide = gy + planeBytes;
}

/** Offset of row y in a plane, at its first even column. */
export function rowAt(y: i32): usize {
  return <usize>(y + 1) * rowBytes + padding;
}

/** Offset of column x in a row. */
function columnAt(x: i32): usize {
  return ((<usize>(x >> 1)) << 2) + (x & 1 ? halfBytes : 0);
}

/** What `loadChannel` found in the channel it read: whether a pixel was dropped, and whether its pixels differ. */
export let dropped: bool = false;
export let varied: bool = false;

/** Reads the pixels of channel c into its `target`. */
export function loadChannel(c: i32): void {
  dropped = false;
  varied = false;
  let from = pixels + ((<usize>c) << 2);
  const stride = (<usize>channels) << 2;
  const first = load<f32>(from);
  for (let y = 0; y < height; y++) {
    const row = target + rowAt(y);
    for (let x = 0; x < width; x++, from += stride) {
      const value = load<f32>(from);
      if (value < 0) dropped = true;
      if (value != first) varied = true;
      store<f32>(row + columnAt(x), value);
    }
  }
}

/** Writes u, cut to [0, 1], over the pixels of channel c. */
export function storeChannel(c: i32): void {
  let to = pixels + ((<usize>c) << 2);
  const stride = (<usize>channels) << 2;
  for (let y = 0; y < height; y++) {
    const row = u + rowAt(y);
    for (let x = 0; x < width; x++, to += stride) {
      store<f32>(to, min<f32>(max<f32>(load<f32>(row + columnAt(x)), 0), 1));
    }
  }
}

/** The pixel right of the last column is made equal to it while gradients are taken, so that the last one is zero. */
export function mirror(row: usize): void {
  store<f32>(u + row + columnAt(width), load<f32>(u + row + columnAt(width - 1)));
}

export function unmirror(row: usize): void {
  store<f32>(u + row + columnAt(width), 0);
}
