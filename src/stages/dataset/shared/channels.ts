import type { Bitmap } from './resample.ts';

/** Pillow's `convert('RGB')` of CMYK: (255 − C)(255 − K) / 255, rounded. No press profile takes part. */
export function cmykToRgb({ data, height, width }: Bitmap): Bitmap {
  const pixels = height * width;
  const rgb = new Uint8Array(pixels * 3);
  for (let index = 0; index < pixels; index++) {
    const light = 255 - data[4 * index + 3]!;
    for (let channel = 0; channel < 3; channel++)
      rgb[3 * index + channel] = Math.round(((255 - data[4 * index + channel]!) * light) / 255);
  }
  return { data: rgb, height, width, channels: 3 };
}

/** Repeats grey to three channels; turns colour into luma with Pillow's integer formula (ITU-R 601-2). */
export function toChannels(image: Bitmap, wanted: 'rgb' | 'grey'): Bitmap {
  const { data, height, width, channels } = image;
  if (channels === (wanted === 'rgb' ? 3 : 1)) return image;
  const pixels = height * width;
  if (wanted === 'rgb') {
    const repeated = new Uint8Array(pixels * 3);
    for (let index = 0; index < pixels; index++)
      repeated.fill(data[index * channels]!, 3 * index, 3 * index + 3);
    return { data: repeated, height, width, channels: 3 };
  }
  const luma = new Uint8Array(pixels);
  for (let index = 0; index < pixels; index++) {
    const at = index * channels;
    luma[index] = (data[at]! * 19_595 + data[at + 1]! * 38_470 + data[at + 2]! * 7_471 + 0x8000) >> 16;
  }
  return { data: luma, height, width, channels: 1 };
}
