/** Gradients of activations and of max pooling, four numbers at a time. */
import { float } from './windows.as';

/** The gradient where the output of the ReLU is not 0. `length` counts numbers. */
export function reluGradient(dy: usize, output: usize, dx: usize, length: i32): void {
  const zero = f32x4.splat(0);
  const end = dx + <usize>length * float;
  while (dx + 16 <= end) {
    v128.store(dx, v128.andnot(v128.load(dy), f32x4.le(v128.load(output), zero)));
    dy += 16;
    output += 16;
    dx += 16;
  }
  while (dx < end) {
    store<f32>(dx, load<f32>(output) <= 0 ? 0 : load<f32>(dy));
    dy += 4;
    output += 4;
    dx += 4;
  }
}

/** Like `reluGradient`, and 0 where the output is 6. */
export function relu6Gradient(dy: usize, output: usize, dx: usize, length: i32): void {
  const zero = f32x4.splat(0);
  const six = f32x4.splat(6);
  const end = dx + <usize>length * float;
  while (dx + 16 <= end) {
    const value = v128.load(output);
    const closed = v128.or(f32x4.le(value, zero), f32x4.ge(value, six));
    v128.store(dx, v128.andnot(v128.load(dy), closed));
    dy += 16;
    output += 16;
    dx += 16;
  }
  while (dx < end) {
    const value = load<f32>(output);
    store<f32>(dx, value <= 0 || value >= 6 ? 0 : load<f32>(dy));
    dy += 4;
    output += 4;
    dx += 4;
  }
}

/**
 * Each window passes its gradient to its first maximum in row-major order. `dx` has the shape of the images and is all zero.
 */
export function maxPoolGradient(
  x: usize,
  output: usize,
  dy: usize,
  dx: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  windowHeight: i32,
  windowWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  top: i32,
  left: i32,
): void {
  const pixel = <usize>channels * float;
  const row = <usize>width * pixel;
  for (let n = 0; n < images; n++) {
    const image = <usize>(n * height) * row;
    for (let y = 0; y < outHeight; y++) {
      const firstRow = max(y * strideHeight - top, 0);
      const endRow = min(y * strideHeight - top + windowHeight, height);
      for (let z = 0; z < outWidth; z++) {
        const firstColumn = max(z * strideWidth - left, 0);
        const endColumn = min(z * strideWidth - left + windowWidth, width);
        const first = image + <usize>firstRow * row + <usize>firstColumn * pixel;
        const rows = endRow - firstRow;
        const columns = endColumn - firstColumn;
        let channel: usize = 0;
        for (; channel + 16 <= pixel; channel += 16) {
          passFour(
            x + first + channel,
            dx + first + channel,
            v128.load(output),
            v128.load(dy),
            rows,
            columns,
            row,
            pixel,
          );
          output += 16;
          dy += 16;
        }
        for (; channel < pixel; channel += 4) {
          passOne(
            x + first + channel,
            dx + first + channel,
            load<f32>(output),
            load<f32>(dy),
            rows,
            columns,
            row,
            pixel,
          );
          output += 4;
          dy += 4;
        }
      }
    }
  }
}

function passFour(
  x: usize,
  dx: usize,
  maximum: v128,
  gradient: v128,
  rows: i32,
  columns: i32,
  row: usize,
  pixel: usize,
): void {
  let open = i32x4.splat(-1);
  for (let y = 0; y < rows; y++) {
    let offset = <usize>y * row;
    for (let z = 0; z < columns; z++) {
      const chosen = v128.and(open, f32x4.eq(v128.load(x + offset), maximum));
      open = v128.andnot(open, chosen);
      v128.store(dx + offset, f32x4.add(v128.load(dx + offset), v128.and(gradient, chosen)));
      offset += pixel;
    }
  }
}

function passOne(
  x: usize,
  dx: usize,
  maximum: f32,
  gradient: f32,
  rows: i32,
  columns: i32,
  row: usize,
  pixel: usize,
): void {
  for (let y = 0; y < rows; y++) {
    let offset = <usize>y * row;
    for (let z = 0; z < columns; z++) {
      if (load<f32>(x + offset) == maximum) {
        store<f32>(dx + offset, load<f32>(dx + offset) + gradient);
        return;
      }
      offset += pixel;
    }
  }
}
