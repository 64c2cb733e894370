/**
 * Convolution with stride 1 and few filters, such as the input gradient of a network's first convolution: a vector holds four outputs of
 * one row and one filter instead of one output of four filters. Images are framed plane by plane, a plane for each channel.
 */
import {
  channels,
  count,
  filterHeight,
  filterWidth,
  filters,
  float,
  frameHeight,
  height,
  left,
  outHeight,
  outWidth,
  top,
  width,
} from './windows.as';

/** Outputs of a row that are summed together; the last may lie beyond the row. */
const together = 16;

/** Numbers in a row of a plane. */
function planeWidth(): i32 {
  return roundedWidth() + filterWidth;
}

function roundedWidth(): i32 {
  return (outWidth + together - 1) & ~(together - 1);
}

/** Bytes of scratch memory that `convolveNarrow` needs for the shapes of `setWindows`. */
export function convolveNarrowScratch(): usize {
  return <usize>(channels * frameHeight * planeWidth() + roundedWidth() * filters) * float;
}

/** Writes `[count, outHeight, outWidth, filters]` to `out`. The strides must be 1. */
export function convolveNarrow(x: usize, filter: usize, out: usize, scratch: usize): void {
  memory.fill(scratch, 0, convolveNarrowScratch());
  const row = scratch + <usize>(channels * frameHeight * planeWidth()) * float;
  const imageBytes = <usize>(height * width * channels) * float;
  const across = <usize>(outWidth * filters) * float;
  for (let n = 0; n < count; n++) {
    framePlanes(x + <usize>n * imageBytes, scratch);
    for (let y = 0; y < outHeight; y++) {
      for (let o = 0; o < filters; o++) {
        for (let z = 0; z < outWidth; z += together) {
          convolveRow(
            scratch + <usize>(y * planeWidth() + z) * float,
            filter + <usize>o * float,
            row + <usize>(o * roundedWidth() + z) * float,
          );
        }
      }
      writeRow(row, out);
      out += across;
    }
  }
}

/** Copies an image into the planes, whose borders are zero already. */
function framePlanes(image: usize, planes: usize): void {
  const plane = <usize>(frameHeight * planeWidth()) * float;
  const rows = min(height, frameHeight - top);
  const columns = min(width, planeWidth() - left);
  for (let y = 0; y < rows; y++) {
    const line = planes + <usize>((y + top) * planeWidth() + left) * float;
    for (let z = 0; z < columns; z++) {
      let from = image + <usize>((y * width + z) * channels) * float;
      let to = line + <usize>z * float;
      for (let c = 0; c < channels; c++) {
        store<f32>(to, load<f32>(from));
        from += float;
        to += plane;
      }
    }
  }
}

/** Sixteen outputs of one filter. */
function convolveRow(planes: usize, filter: usize, out: usize): void {
  const plane = <usize>(frameHeight * planeWidth()) * float;
  const line = <usize>planeWidth() * float;
  const next = <usize>filters * float;
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (let row = 0; row < filterHeight; row++) {
    for (let column = 0; column < filterWidth; column++) {
      let at = planes + <usize>column * float;
      for (let channel = 0; channel < channels; channel++) {
        const weight = v128.load32_splat(filter);
        a = f32x4.add(a, f32x4.mul(weight, v128.load(at)));
        b = f32x4.add(b, f32x4.mul(weight, v128.load(at, 16)));
        c = f32x4.add(c, f32x4.mul(weight, v128.load(at, 32)));
        d = f32x4.add(d, f32x4.mul(weight, v128.load(at, 48)));
        filter += next;
        at += plane;
      }
    }
    planes += line;
  }
  v128.store(out, a);
  v128.store(out, b, 16);
  v128.store(out, c, 32);
  v128.store(out, d, 48);
}

/** From one row for each filter to `[outWidth, filters]`. */
function writeRow(row: usize, out: usize): void {
  if (filters == 1) {
    memory.copy(out, row, <usize>outWidth * float);
    return;
  }
  for (let o = 0; o < filters; o++) {
    let from = row + <usize>(o * roundedWidth()) * float;
    let to = out + <usize>o * float;
    for (let z = 0; z < outWidth; z++) {
      store<f32>(to, load<f32>(from));
      from += float;
      to += <usize>filters * float;
    }
  }
}
