import type { Picture } from '../pictures.ts';

/**
 * A picture in another size: RGB bytes `[height, width, 3]`, row by row from the top. Each pixel is the mean of those that it covers,
 * or, in a larger picture, the one that it lies in.
 */
export function scaledPicture(picture: Picture, width: number, height: number): Uint8Array {
  const { channels, pixels } = picture;
  const unit = pixels instanceof Uint8Array ? 1 : 255;
  const columns = Array.from({ length: width }, (_, column) => covered(column, width, picture.width));
  const rgb = new Uint8Array(3 * width * height);
  for (let row = 0, to = 0; row < height; row++) {
    const [top, bottom] = covered(row, height, picture.height);
    for (const [left, right] of columns) {
      for (let channel = 0; channel < 3; channel++) {
        if (channel > 0 && channels !== 3) {
          rgb[to + channel] = rgb[to]!;
          continue;
        }
        let sum = 0;
        for (let y = top; y < bottom; y++)
          for (let x = left; x < right; x++) sum += pixels[(y * picture.width + x) * channels + channel]!;
        const mean = (unit * sum) / ((bottom - top) * (right - left));
        rgb[to + channel] = Math.max(0, Math.min(255, Math.round(mean)));
      }
      to += 3;
    }
  }
  return rgb;
}

/** The pixels that one of fewer covers, or the one that lies under one of more. */
function covered(index: number, count: number, pixels: number): readonly [from: number, to: number] {
  const from = Math.min(pixels - 1, Math.floor((index * pixels) / count));
  return [from, Math.max(from + 1, Math.floor(((index + 1) * pixels) / count))];
}
