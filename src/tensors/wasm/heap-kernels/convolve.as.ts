/**
 * Convolution: out[p, o] = activation(bias[o] + Σ_{a, k} frame[a, p, k] · filter[a, k, o]), where k counts the pixels and channels under
 * row a of the filter at output p. Six outputs and eight filters are summed together in registers.
 */
import {
  channels,
  count,
  eights,
  filterHeight,
  filterWidth,
  filters,
  float,
  frameBytes,
  frameImage,
  frameWidth,
  height,
  outHeight,
  outWidth,
  sixes,
  strideHeight,
  strideWidth,
  width,
} from './windows.as';

/** Bytes of scratch memory that `convolve` needs for the shapes of `setWindows`. */
export function convolveScratch(): usize {
  return frameBytes() + placesBytes() + filterBytes() + <usize>eights(filters) * float;
}

function placesBytes(): usize {
  return (<usize>sixes(outHeight * outWidth) * 4 + 15) & ~15;
}

function filterBytes(): usize {
  return <usize>(filterHeight * filterWidth * channels * eights(filters)) * float;
}

/** Limits of the activation. */
let lowest: f32 = 0;
let highest: f32 = 0;

/**
 * Writes `[count, outHeight, outWidth, filters]` to `out`. A `bias` of 0 is none. The activation is a clamp to `low` and `high`, which
 * may be infinite; NaN stays NaN. `scratch` is a multiple of 16.
 */
export function convolve(
  x: usize,
  filter: usize,
  bias: usize,
  out: usize,
  scratch: usize,
  low: f32,
  high: f32,
): void {
  lowest = low;
  highest = high;
  const frame = scratch;
  const places = frame + frameBytes();
  const packed = places + placesBytes();
  const packedBias = packed + filterBytes();
  memory.fill(frame, 0, convolveScratch());
  packFilter(filter, packed);
  if (bias != 0) memory.copy(packedBias, bias, <usize>filters * float);
  listPlaces(places);
  const imageBytes = <usize>(height * width * channels) * float;
  const resultBytes = <usize>(outHeight * outWidth * filters) * float;
  for (let n = 0; n < count; n++) {
    frameImage(x + <usize>n * imageBytes, frame);
    convolveImage(frame, places, packed, packedBias, out + <usize>n * resultBytes);
  }
}

/** To `[eights(filters) / 8, filterHeight, filterWidth, channels, 8]`. */
function packFilter(filter: usize, packed: usize): void {
  const rows = filterHeight * filterWidth * channels;
  for (let o = 0; o < filters; o += 8) {
    const some = <usize>min(filters - o, 8) * float;
    for (let k = 0; k < rows; k++) {
      memory.copy(
        packed + <usize>(o * rows + k * 8) * float,
        filter + <usize>(k * filters + o) * float,
        some,
      );
    }
  }
}

/** Lists where in the frame the window of each output begins. The last one is repeated up to a multiple of six. */
function listPlaces(places: usize): void {
  const outputs = outHeight * outWidth;
  for (let p = 0; p < sixes(outputs); p++) {
    const at = min(p, outputs - 1);
    const row = (at / outWidth) * strideHeight;
    const column = (at % outWidth) * strideWidth;
    store<i32>(places + <usize>p * 4, (row * frameWidth + column) * channels * 4);
  }
}

function convolveImage(frame: usize, places: usize, packed: usize, bias: usize, out: usize): void {
  const outputs = outHeight * outWidth;
  const packedBytes = <usize>(filterHeight * filterWidth * channels * 8) * float;
  for (let o = 0; o < filters; o += 8) {
    for (let p = 0; p < outputs; p += 6) {
      convolveTile(
        frame,
        places + <usize>p * 4,
        packed,
        bias + <usize>o * float,
        out + <usize>(p * filters + o) * float,
        min(outputs - p, 6),
        filters - o,
      );
    }
    packed += packedBytes;
  }
}

function convolveTile(
  frame: usize,
  places: usize,
  weights: usize,
  bias: usize,
  out: usize,
  outputs: i32,
  some: i32,
): void {
  let pa = frame + <usize>load<i32>(places);
  let pb = frame + <usize>load<i32>(places, 4);
  let pc = frame + <usize>load<i32>(places, 8);
  let pd = frame + <usize>load<i32>(places, 12);
  let pe = frame + <usize>load<i32>(places, 16);
  let pf = frame + <usize>load<i32>(places, 20);
  const stretch = <usize>(filterWidth * channels) * float;
  const skip = <usize>(frameWidth * channels) * float - stretch;
  let a0 = v128.load(bias);
  let a1 = v128.load(bias, 16);
  let b0 = a0;
  let b1 = a1;
  let c0 = a0;
  let c1 = a1;
  let d0 = a0;
  let d1 = a1;
  let e0 = a0;
  let e1 = a1;
  let f0 = a0;
  let f1 = a1;
  for (let row = 0; row < filterHeight; row++) {
    const end = pa + stretch;
    while (pa < end) {
      const left = v128.load(weights);
      const right = v128.load(weights, 16);
      let factor = v128.load32_splat(pa);
      a0 = f32x4.add(a0, f32x4.mul(factor, left));
      a1 = f32x4.add(a1, f32x4.mul(factor, right));
      factor = v128.load32_splat(pb);
      b0 = f32x4.add(b0, f32x4.mul(factor, left));
      b1 = f32x4.add(b1, f32x4.mul(factor, right));
      factor = v128.load32_splat(pc);
      c0 = f32x4.add(c0, f32x4.mul(factor, left));
      c1 = f32x4.add(c1, f32x4.mul(factor, right));
      factor = v128.load32_splat(pd);
      d0 = f32x4.add(d0, f32x4.mul(factor, left));
      d1 = f32x4.add(d1, f32x4.mul(factor, right));
      factor = v128.load32_splat(pe);
      e0 = f32x4.add(e0, f32x4.mul(factor, left));
      e1 = f32x4.add(e1, f32x4.mul(factor, right));
      factor = v128.load32_splat(pf);
      f0 = f32x4.add(f0, f32x4.mul(factor, left));
      f1 = f32x4.add(f1, f32x4.mul(factor, right));
      weights += 32;
      pa += 4;
      pb += 4;
      pc += 4;
      pd += 4;
      pe += 4;
      pf += 4;
    }
    pa += skip;
    pb += skip;
    pc += skip;
    pd += skip;
    pe += skip;
    pf += skip;
  }
  const next = <usize>filters * float;
  writeOutput(out, a0, a1, some);
  if (outputs > 1) writeOutput(out + next, b0, b1, some);
  if (outputs > 2) writeOutput(out + 2 * next, c0, c1, some);
  if (outputs > 3) writeOutput(out + 3 * next, d0, d1, some);
  if (outputs > 4) writeOutput(out + 4 * next, e0, e1, some);
  if (outputs > 5) writeOutput(out + 5 * next, f0, f1, some);
}

/** Writes the first `some` of eight numbers. */
function writeOutput(out: usize, left: v128, right: v128, some: i32): void {
  // These keep a left operand that is NaN.
  left = f32x4.pmin(f32x4.pmax(left, f32x4.splat(lowest)), f32x4.splat(highest));
  right = f32x4.pmin(f32x4.pmax(right, f32x4.splat(lowest)), f32x4.splat(highest));
  if (some >= 8) {
    v128.store(out, left);
    v128.store(out, right, 16);
    return;
  }
  if (some >= 4) {
    v128.store(out, left);
    left = right;
    out += 16;
    some -= 4;
  }
  if (some > 0) v128.store_lane<f32>(out, left, 0);
  if (some > 1) v128.store_lane<f32>(out, left, 1, 4);
  if (some > 2) v128.store_lane<f32>(out, left, 2, 8);
}
