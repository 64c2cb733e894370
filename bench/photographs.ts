/** The images of the benches: photographs of a folder, or made-up ones. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { decodeImages } from '../src/stages/dataset/shared/decode.ts';
import { randomStream } from '../src/tensors/random.ts';

/** Height and width: those of the paper's experiments. */
export const side = 224;
/** Values an image: `side` × `side` × 3. */
export const size = side * side * 3;

/**
 * `count` photographs spread over the folder and its folders, as bytes `[count, 224, 224, 3]`: resized to 256 and cropped as
 * `dataset/image-folder` does. Made-up images, and a line that says so, where `folder` is undefined. Throws where there are fewer.
 */
export async function readPhotographs(folder: string | undefined, count: number): Promise<Uint8Array> {
  if (folder === undefined) {
    console.log('NO PHOTOGRAPHS (--images FOLDER): made-up images');
    return madeUpImages(count);
  }
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(jpe?g|png)$/i.test(file))
    .sort();
  if (files.length < count) throw new Error(`${folder} has ${files.length} photographs, not ${count}`);
  const spread = Array.from({ length: count }, (_, index) => {
    return join(folder, files[Math.floor((index * files.length) / count)]!);
  });
  const { pixels } = await decodeImages(spread, {
    resize: 256,
    crop: side,
    channels: 'rgb',
    convert: true,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  return pixels;
}

/** Sums of a few waves: smooth, as photographs are, but easier. */
function madeUpImages(count: number): Uint8Array {
  const stream = randomStream([3, 3]);
  const pixels = new Uint8Array(count * size);
  for (let image = 0; image < count; image++) {
    const waves = Array.from({ length: 6 }, () => [stream.normal(), stream.normal(), stream.uniform() * 7]);
    for (let at = 0; at < side * side; at++) {
      const [y, x] = [Math.floor(at / side) / 20, (at % side) / 20];
      for (let channel = 0; channel < 3; channel++) {
        const sum = waves.reduce(
          (total, [a, b, phase]) => total + Math.sin(a! * y + b! * x + phase! + channel / 2),
          0,
        );
        pixels[image * size + at * 3 + channel] = Math.min(255, Math.max(0, 128 + 35 * sum));
      }
    }
  }
  return pixels;
}

/** `count` squares of 32×32 pixels from images of `readPhotographs`, as bytes `[count, 32, 32, 3]`: seven a row, and seven rows an image. */
export function squaresOf(images: Uint8Array, count: number): Uint8Array {
  const perRow = side / 32;
  const squares = new Uint8Array(count * 32 * 32 * 3);
  for (let square = 0; square < count; square++) {
    const image = square % (images.length / size);
    const place = Math.floor(square / (images.length / size)) % perRow ** 2;
    const from = image * size + Math.floor(place / perRow) * 32 * side * 3 + (place % perRow) * 96;
    for (let y = 0; y < 32; y++)
      squares.set(images.subarray(from + y * side * 3, from + y * side * 3 + 96), (square * 32 + y) * 96);
  }
  return squares;
}
