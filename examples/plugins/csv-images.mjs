// @ts-check
import { readFileSync } from 'node:fs';
import { datasetStage, StageError, Type } from 'ravelin';

/** Images as lines of a CSV file, `label,p0,p1,…` with grey levels from 0 to 255, as Kaggle publishes MNIST. */
const csvImages = datasetStage({
  uses: 'dataset/csv-images',
  version: 1,
  summary: 'Grey images from the lines of a CSV file',
  with: {
    path: Type.String({
      format: 'path',
      description: 'the CSV file: a label and the pixels of an image a line',
    }),
    height: Type.Integer({ minimum: 1, default: 28, description: 'height of the images' }),
    width: Type.Integer({ minimum: 1, default: 28, description: 'width of the images' }),
  },
  example: { path: 'images.csv' },
  gives: 'uint8 [n, height, width, 1]',
  survey: ({ params, resolve }) => {
    const path = resolve(params.path);
    // The digest of the file enters the key: another file gives other results.
    return { images: linesOf(path).length, files: () => [path] };
  },
  read: ({ params, resolve, first, count }) => {
    const { height, width } = params;
    const path = resolve(params.path);
    const pixels = new Uint8Array(count * height * width);
    const labels = linesOf(path)
      .slice(first, first + count)
      .map((line, row) => {
        const [label, ...values] = line.split(',').map(Number);
        if (values.length !== height * width || !values.every((value) => value >= 0 && value <= 255)) {
          throw new StageError(`line ${first + row + 1} does not hold ${height * width} grey levels`, {
            code: 'bad-data',
            file: path,
            fix: 'correct the line, or set height and width',
          });
        }
        pixels.set(values, row * height * width);
        return label;
      });
    return { pixels, size: [height, width, 1], labels };
  },
});

export const stages = [csvImages];

/** @type {(path: string) => string[]} */
function linesOf(path) {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
}
