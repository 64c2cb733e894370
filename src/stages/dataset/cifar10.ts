import { Type } from '@sinclair/typebox';
import { cifarBatches, readCifarRecords } from './shared/cifar-batches.ts';
import { datasetStage } from './shared/dataset-stage.ts';
import { afterOffset } from './shared/range.ts';

const classes = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/** `ids` are rows of the split: of `test_batch.bin`, or of the training batches one after another. */
export const cifar10Stage = datasetStage({
  uses: 'dataset/cifar10',
  version: 1,
  summary: 'CIFAR-10 from the official binary batches (Krizhevsky 2009)',
  with: {
    path: Type.String({
      format: 'path',
      description:
        'folder with test_batch.bin and data_batch_1.bin … data_batch_5.bin (cifar-10-batches-bin)',
    }),
    split: Type.Union([Type.Literal('train'), Type.Literal('test')], {
      default: 'test',
      description: 'the training batches that are there, counted from 1, or the test batch',
    }),
    offset: Type.Integer({
      unit: 'images',
      minimum: 0,
      default: 0,
      description: 'images to skip at the start of the split',
    }),
  },
  gives: 'uint8 [n, 32, 32, 3] with labels 0 to 9',
  declares: ({ split, offset }) => ({
    size: [32, 32, 3],
    images: Math.max(0, (split === 'train' ? 50_000 : 10_000) - offset),
  }),
  facts: () => ({ size: [32, 32, 3], classes: classes.length }),
  survey: async ({ params, resolve }) => {
    const root = resolve(params.path);
    const batches = await cifarBatches(root, params.split);
    const available = batches.reduce((sum, batch) => sum + batch.count, 0);
    const read = (first: number, length: number): typeof batches => {
      const start = params.offset + first;
      return batches.filter((batch) => batch.first < start + length && batch.first + batch.count > start);
    };
    return {
      images: afterOffset(available, params.offset, 'split', root),
      files: (first, length) => read(first, length).map((batch) => batch.path),
      // The rows of a batch follow from the lengths of those before it, which are not read.
      ...(params.split === 'train' && {
        facts: (first, length) => read(first, length).map((batch) => batch.first),
      }),
    };
  },
  read: async ({ params, first: from, count, resolve }) => {
    const batches = await cifarBatches(resolve(params.path), params.split);
    const first = params.offset + from;
    const { pixels, labels } = await readCifarRecords(batches, first, count);
    const ids = Int32Array.from({ length: count }, (_, index) => first + index);
    return { pixels, size: [32, 32, 3], labels, ids, classes };
  },
});
