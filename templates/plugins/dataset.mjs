// @ts-check
import { readFileSync } from 'node:fs';
import { datasetStage, StageError, Type } from 'ravelin';

/** Images of one JSON file: `[{ "label": 0, "pixels": [0, 255, …] }, …]`, with grey levels from 0 to 255. */
const dataset = datasetStage({
  uses: 'dataset/my-plugin',
  version: 1,
  summary: 'My plugin: grey images of a JSON file',
  with: {
    path: Type.String({ format: 'path', description: 'the JSON file: a list of labels and pixels' }),
    side: Type.Integer({ minimum: 1, default: 28, description: 'height and width of the images' }),
  },
  // The parameters with which `ravelin test` tries it, besides those that have a default.
  example: { path: 'images.json', side: 2 },
  gives: 'uint8 [n, side, side, 1]',
  // While planning: how many images there are, and which files decide them.
  survey: ({ params, resolve }) => {
    const path = resolve(params.path);
    return { images: imagesOf(path).length, files: () => [path] };
  },
  // Some of the images, each as if it were read alone.
  read: ({ params, resolve, first, count }) => {
    const path = resolve(params.path);
    const size = params.side ** 2;
    const some = imagesOf(path).slice(first, first + count);
    const pixels = new Uint8Array(count * size);
    for (const [row, image] of some.entries()) {
      if (image.pixels.length !== size) {
        throw new StageError(`image ${first + row} has ${image.pixels.length} pixels instead of ${size}`, {
          code: 'bad-data',
          file: path,
          fix: 'correct the image, or set side',
        });
      }
      pixels.set(image.pixels, row * size);
    }
    return { pixels, size: [params.side, params.side, 1], labels: some.map(({ label }) => label) };
  },
});

export const stages = [dataset];

/** @type {(path: string) => readonly { readonly label: number, readonly pixels: readonly number[] }[]} */
function imagesOf(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
