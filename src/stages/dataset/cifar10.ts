import { Type } from '@sinclair/typebox';
import { defineStage, port, StageError } from '../../runtime/stage.ts';
import { cifarBatches, readCifarRecords } from './shared/cifar-batches.ts';
import { selectedCount } from './shared/range.ts';

const classes = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/** `ids` are rows of the split: of `test_batch.bin`, or of the training batches one after another. */
export const cifar10Stage = defineStage({
  uses: 'dataset/cifar10',
  version: 1,
  summary: 'CIFAR-10 from the official binary batches (Krizhevsky 2009)',
  with: Type.Object(
    {
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
        minimum: 0,
        default: 0,
        description: 'images to skip at the start of the split',
      }),
      limit: Type.Optional(Type.Integer({ minimum: 1, description: 'images to take; all where absent' })),
    },
    { additionalProperties: false },
  ),
  in: {},
  out: { images: port('images', { description: 'uint8 [n, 32, 32, 3] with labels 0 to 9' }) },
  shard: 'images',
  extent: ['limit'],
  survey: async ({ params, resolve }) => {
    const root = resolve(params.path);
    const batches = await cifarBatches(root, params.split);
    const available = batches.reduce((sum, batch) => sum + batch.count, 0);
    const count = selectedCount(available, params.offset, params.limit);
    if (count === 0) {
      throw new StageError(`offset ${params.offset} leaves no image: the split has ${available}`, {
        code: 'bad-data',
        file: root,
        fix: `use an offset below ${available}`,
      });
    }
    return {
      images: count,
      files: (first, length) => {
        const start = params.offset + first;
        return batches
          .filter((batch) => batch.first < start + length && batch.first + batch.count > start)
          .map((batch) => batch.path);
      },
    };
  },
  run: async ({ params, shard, resolve }) => {
    const batches = await cifarBatches(resolve(params.path), params.split);
    const first = params.offset + shard.first;
    const { pixels, labels } = await readCifarRecords(batches, first, shard.count);
    return {
      images: {
        kind: 'images',
        pixels,
        shape: [shard.count, 32, 32, 3],
        views: 1,
        labels,
        ids: Int32Array.from({ length: shard.count }, (_, index) => first + index),
        classes,
      },
    };
  },
});
