/**
 * The layout of images in memory. A channel has levels: the image itself, then halves of it. A row of a level
 * is a sequence of blocks. A block is eight pixels wide and holds, for each of its quantities, a vector of
 * the four even columns and one of the four odd ones, so that the red and the black half of a checkerboard
 * are vectors, and everything about a pixel is at a constant distance. A block of zeros ends each row, and
 * two rows of zeros are above and below, so that no loop has to check for borders.
 */

import { sumOf } from './vectors.as';

/** Offsets within a block, in bytes. */
export const uEven: usize = 0; // μu, u the image sought
export const uOdd: usize = 16;
export const ahead: usize = 32; // the black pixels of μu, moved on by their last step
export const rightEven: usize = 48; // mf + ∇ᵀ(d − b), the right side of the next relaxation
export const rightOdd: usize = 64;
export const inverseEven: usize = 80; // 1 / (m/μ + neighbours); before a level starts, m
export const inverseOdd: usize = 96;
export const exEven: usize = 112; // e = (b + (1 − ρ)d) / ρ; before and after a level is solved, b
export const exOdd: usize = 128;
export const eyEven: usize = 144;
export const eyOdd: usize = 160;
export const pullEven: usize = 176; // mf; −0 where a pixel was dropped
export const pullOdd: usize = 192;
export const gyEven: usize = 208; // (d − b) of y
export const gyOdd: usize = 224;
export const blockBytes: usize = 256;
const pixelsOfBlock: i32 = 8;

/** Values past the last pixel that whoever writes the pixels may write too: `roomPastLast` of philox/wasm.ts. */
const roomPastPixels: usize = 32;
/** No level has a shorter side. */
const leastSide: i32 = 8;
const mostLevels: i32 = 12;

// The image.
export let channels: i32 = 0;
export let levels: i32 = 0;
let imageHeight: i32 = 0;
let imageWidth: i32 = 0;
let pixels: usize = 0;
let first: usize = 0;
let channelBytes: usize = 0;

// The current level.
export let height: i32 = 0;
export let width: i32 = 0;
/** `span` is the bytes of a row's blocks that hold pixels; `rowBytes` includes the block of zeros. */
export let span: usize = 0;
export let rowBytes: usize = 0;
let rows: usize = 0;

/** Rows with one number per column for the current level, as vectors of even and odd columns in turn. */
export let inside: usize = 0; // 1 in the image, 0 outside
export let horizontal: usize = 0; // the number of horizontal neighbours, ∞ outside
/** Row buffers of the bound. */
export let duals: usize = 0;
export let stiffnesses: usize = 0;
/** Vectors that a loop needs in registers: loaded before it, they stay there. */
export let constants: usize = 0;

/**
 * Makes room for an image. Returns the address of its float32 pixels, row-major [height, width, channels], or
 * 0 if there is not enough memory.
 */
export function reserve(height: i32, width: i32, count: i32): usize {
  if (height == imageHeight && width == imageWidth && count == channels) return pixels;
  channels = 0;
  const rowOfVectors = ((<usize>width + 15) / 8) * 32;
  constants = (__heap_base + 63) & ~63;
  inside = constants + 192;
  horizontal = inside + rowOfVectors;
  stiffnesses = horizontal + rowOfVectors;
  duals = stiffnesses + rowOfVectors;
  pixels = duals + 4 * rowOfVectors;
  first = (pixels + ((<usize>height * width * count + roomPastPixels) << 2) + 255) & ~255;
  levels = 1;
  while (levels < mostLevels && min((height - 1) >> levels, (width - 1) >> levels) + 1 >= leastSide) levels++;
  channelBytes = bytesOf(height, width);
  let end = first + <usize>count * channelBytes;
  for (let level = 1; level < levels; level++) end += bytesOf(sideAt(height, level), sideAt(width, level));
  // Loops may read a vector past the last pixels, and a row of pixels past the image.
  const pages = <i32>((end + 0xffff) >> 16) - memory.size();
  if (pages > 0 && memory.grow(pages) < 0) return 0;
  memory.fill(first, 0, end - first);
  imageHeight = height;
  imageWidth = width;
  channels = count;
  return pixels;
}

function sideAt(side: i32, level: i32): i32 {
  return ((side - 1) >> level) + 1;
}

function bytesOf(height: i32, width: i32): usize {
  return <usize>(height + 4) * ((<usize>width + 7) / 8 + 1) * blockBytes;
}

/** Makes a level of channel c the current one. The channels share all levels except the first. */
export function useLevel(c: i32, level: i32): void {
  height = sideAt(imageHeight, level);
  width = sideAt(imageWidth, level);
  span = ((<usize>width + 7) / 8) * blockBytes;
  rowBytes = span + blockBytes;
  rows = first + <usize>(level == 0 ? c : channels) * channelBytes;
  for (let finer = 1; finer < level; finer++) {
    rows += bytesOf(sideAt(imageHeight, finer), sideAt(imageWidth, finer));
  }
}

/** Describes the columns of the current level. */
export function describeColumns(): void {
  const count = (<i32>(span / blockBytes) + 1) * pixelsOfBlock;
  for (let x = 0; x < count; x++) {
    const at = (((<usize>x) >> 3) << 5) + laneAt(x);
    store<f32>(inside + at, x < width ? 1 : 0);
    store<f32>(horizontal + at, x < width ? <f32>(i32(x > 0) + i32(x < width - 1)) : Infinity);
  }
}

/** Address of row y of the current level. */
export function rowAt(y: i32): usize {
  return rows + <usize>(y + 2) * rowBytes;
}

/** Offset in a row of the quantity at offset `even` of column x. */
export function columnAt(x: i32, even: usize): usize {
  return ((<usize>x) >> 3) * blockBytes + laneAt(x) + even;
}

/** Offset of column x in the two vectors of its block's even and odd columns. */
function laneAt(x: i32): usize {
  return ((<usize>(x & 1)) << 4) + (((<usize>(x & 7)) >> 1) << 2);
}

/** The number of vertical neighbours in row y of the current level. */
export function verticalNeighbours(y: i32): v128 {
  return f32x4.splat(<f32>(i32(y > 0) + i32(y < height - 1)));
}

/** Mask of the dropped pixels among four mf. */
export function isDropped(pull: v128): v128 {
  return i32x4.lt_s(pull, f32x4.splat(0));
}

/** Results of the last `loadChannel`: the number of kept pixels, and whether they differ. */
export let kept: f64 = 0;
export let varied: bool = false;

/**
 * Reads the pixels of channel c, −1 if dropped, into mf and m of the current level, which must be its first.
 */
export function loadChannel(c: i32): void {
  const stride = (<usize>channels) << 2;
  const none = f32x4.splat(-0.0);
  const one = f32x4.splat(1);
  let least = f32x4.splat(Infinity);
  let most = f32x4.splat(-Infinity);
  kept = 0;
  let from = pixels + ((<usize>c) << 2);
  for (let y = 0; y < height; y++) {
    let at = rowAt(y);
    let pixel = from;
    let count = f32x4.splat(0);
    for (let i: usize = 0; i < span; i += blockBytes) {
      for (let odd: usize = 0; odd < 2; odd++) {
        const valid = v128.load(inside + (i >> 3) + (odd << 4));
        const value = four(pixel + odd * stride, 2 * stride);
        const isKept = v128.and(f32x4.ge(value, f32x4.splat(0)), f32x4.gt(valid, f32x4.splat(0)));
        const pull = v128.bitselect(value, none, isKept);
        const weight = v128.and(isKept, one);
        least = f32x4.pmin(least, v128.bitselect(value, f32x4.splat(Infinity), isKept));
        most = f32x4.pmax(most, v128.bitselect(value, f32x4.splat(-Infinity), isKept));
        count = f32x4.add(count, weight);
        v128.store(at + (odd << 4), pull, pullEven);
        v128.store(at + (odd << 4), weight, inverseEven);
      }
      at += blockBytes;
      pixel += stride << 3;
    }
    from += <usize>width * stride;
    kept += <f64>sumOf(count);
  }
  varied =
    max(
      max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
      max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
    ) >
    min(
      min(f32x4.extract_lane(least, 0), f32x4.extract_lane(least, 1)),
      min(f32x4.extract_lane(least, 2), f32x4.extract_lane(least, 3)),
    );
}

function four(at: usize, stride: usize): v128 {
  let vector = v128.load32_zero(at);
  vector = v128.load_lane<f32>(at + stride, vector, 1);
  vector = v128.load_lane<f32>(at + 2 * stride, vector, 2);
  return v128.load_lane<f32>(at + 3 * stride, vector, 3);
}

/** Writes u, cut to [0, 1], over the pixels of channel c; `scale` is 1/μ. */
export function storeChannel(c: i32, scale: f32): void {
  const stride = (<usize>channels) << 2;
  const factor = f32x4.splat(scale);
  let to = pixels + ((<usize>c) << 2);
  for (let y = 0; y < height; y++) {
    const row = rowAt(y);
    const end = to + <usize>width * stride;
    let at = row;
    for (; to + 7 * stride < end; to += 8 * stride, at += blockBytes) {
      storeFour(to, 2 * stride, v128.load(at, uEven), factor);
      storeFour(to + stride, 2 * stride, v128.load(at, uOdd), factor);
    }
    for (let x = width & ~7; x < width; x++, to += stride) {
      store<f32>(to, min<f32>(max<f32>(load<f32>(row + columnAt(x, uEven)) * scale, 0), 1));
    }
  }
}

function storeFour(at: usize, stride: usize, vector: v128, factor: v128): void {
  const cut = f32x4.min(f32x4.max(f32x4.mul(vector, factor), f32x4.splat(0)), f32x4.splat(1));
  v128.store_lane<f32>(at, cut, 0);
  v128.store_lane<f32>(at + stride, cut, 1);
  v128.store_lane<f32>(at + 2 * stride, cut, 2);
  v128.store_lane<f32>(at + 3 * stride, cut, 3);
}

/**
 * Copies the last column to the one right of it while gradients or means are taken, so that the gradient
 * there is zero. Where a block ends there, the whole vector is written, because a vector that is read soon after
 * one of its values was written has to wait.
 */
export function mirror(row: usize, even: usize): void {
  if (width & 7) store<f32>(row + columnAt(width, even), load<f32>(row + columnAt(width - 1, even)));
  else v128.store(row + span + even, v128.load32_splat(row + span - blockBytes + even, 28));
}

export function unmirror(row: usize, even: usize): void {
  if (width & 7) store<f32>(row + columnAt(width, even), 0);
  else v128.store(row + span + even, f32x4.splat(0));
}
