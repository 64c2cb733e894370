/**
 * Gradient of a convolution with respect to its filter: dw[a, k, o] = Σ_p frame[a, p, k] · dy[p, o], where k counts the pixels and
 * channels under row a of the filter at output p, which are one stretch of memory. Six of k and eight of o are summed together, over
 * the outputs of one image, in registers.
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

/** Bytes of scratch memory that `filterGradient` needs for the shapes of `setWindows`. */
export function filterGradientScratch(): usize {
  return frameBytes() + gradientBytes() + sumBytes();
}

function gradientBytes(): usize {
  return <usize>(outHeight * outWidth * eights(filters)) * float;
}

function sumBytes(): usize {
  return <usize>(filterHeight * sixes(filterWidth * channels) * eights(filters)) * float;
}

/** Writes `[filterHeight, filterWidth, channels, filters]` to `dw`. `scratch` is a multiple of 16. */
export function filterGradient(x: usize, dy: usize, dw: usize, scratch: usize): void {
  const frame = scratch;
  const gradient = frame + frameBytes();
  const sums = gradient + gradientBytes();
  memory.fill(frame, 0, filterGradientScratch());
  const outputs = eights(filters);
  const imageBytes = <usize>(height * width * channels) * float;
  const positions = outHeight * outWidth;
  const gradientImage = <usize>(positions * filters) * float;
  for (let n = 0; n < count; n++) {
    frameImage(x + <usize>n * imageBytes, frame);
    const from = dy + <usize>n * gradientImage;
    if (outputs == filters) {
      addImage(frame, from, sums);
    } else {
      for (let p = 0; p < positions; p++) {
        memory.copy(
          gradient + <usize>(p * outputs) * float,
          from + <usize>(p * filters) * float,
          <usize>filters * float,
        );
      }
      addImage(frame, gradient, sums);
    }
  }
  const stretch = filterWidth * channels;
  for (let a = 0; a < filterHeight; a++) {
    for (let k = 0; k < stretch; k++) {
      memory.copy(
        dw + <usize>((a * stretch + k) * filters) * float,
        sums + <usize>((a * sixes(stretch) + k) * outputs) * float,
        <usize>filters * float,
      );
    }
  }
}

function addImage(frame: usize, gradient: usize, sums: usize): void {
  const stretch = sixes(filterWidth * channels);
  const outputs = eights(filters);
  for (let a = 0; a < filterHeight; a++) {
    const row = frame + <usize>(a * frameWidth * channels) * float;
    for (let k = 0; k < stretch; k += 6) {
      for (let o = 0; o < outputs; o += 8) {
        addTile(
          row + <usize>k * float,
          gradient + <usize>o * float,
          sums + <usize>((a * stretch + k) * outputs + o) * float,
        );
      }
    }
  }
}

function addTile(image: usize, gradient: usize, sums: usize): void {
  const across = <usize>(strideWidth * channels) * float;
  const down = <usize>(strideHeight * frameWidth * channels) * float;
  const next = <usize>eights(filters) * float;
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  let d0 = a0;
  let d1 = a0;
  let e0 = a0;
  let e1 = a0;
  let f0 = a0;
  let f1 = a0;
  for (let y = 0; y < outHeight; y++) {
    let pixel = image + <usize>y * down;
    const end = gradient + <usize>outWidth * next;
    while (gradient < end) {
      const left = v128.load(gradient);
      const right = v128.load(gradient, 16);
      let factor = v128.load32_splat(pixel);
      a0 = f32x4.add(a0, f32x4.mul(factor, left));
      a1 = f32x4.add(a1, f32x4.mul(factor, right));
      factor = v128.load32_splat(pixel, 4);
      b0 = f32x4.add(b0, f32x4.mul(factor, left));
      b1 = f32x4.add(b1, f32x4.mul(factor, right));
      factor = v128.load32_splat(pixel, 8);
      c0 = f32x4.add(c0, f32x4.mul(factor, left));
      c1 = f32x4.add(c1, f32x4.mul(factor, right));
      factor = v128.load32_splat(pixel, 12);
      d0 = f32x4.add(d0, f32x4.mul(factor, left));
      d1 = f32x4.add(d1, f32x4.mul(factor, right));
      factor = v128.load32_splat(pixel, 16);
      e0 = f32x4.add(e0, f32x4.mul(factor, left));
      e1 = f32x4.add(e1, f32x4.mul(factor, right));
      factor = v128.load32_splat(pixel, 20);
      f0 = f32x4.add(f0, f32x4.mul(factor, left));
      f1 = f32x4.add(f1, f32x4.mul(factor, right));
      pixel += across;
      gradient += next;
    }
  }
  addRow(sums, a0, a1);
  addRow(sums + next, b0, b1);
  addRow(sums + 2 * next, c0, c1);
  addRow(sums + 3 * next, d0, d1);
  addRow(sums + 4 * next, e0, e1);
  addRow(sums + 5 * next, f0, f1);
}

function addRow(sums: usize, left: v128, right: v128): void {
  v128.store(sums, f32x4.add(v128.load(sums), left));
  v128.store(sums, f32x4.add(v128.load(sums, 16), right), 16);
}
