import { Type } from '@sinclair/typebox';
import { StageError } from '../../runtime/stage.ts';
import { safetensorsHead } from '../shared/safetensors-head.ts';
import { datasetStage } from './shared/dataset-stage.ts';
import { imageShape, openSafetensors, readImageRows, readIntegerRows } from './shared/safetensors-file.ts';

/** Images made elsewhere, for example in Python. `ids` are row indices unless the file has its own. */
export const safetensorsStage = datasetStage({
  uses: 'dataset/safetensors',
  version: 1,
  summary: 'Images and labels from a safetensors file, as Python or ravelin export writes it',
  with: {
    path: Type.String({ format: 'path', description: 'the safetensors file' }),
    images: Type.String({
      default: 'images',
      minLength: 1,
      description: 'name of the tensor [n, height, width, channels]: float32 in [0, 1], or uint8',
    }),
    labels: Type.String({
      default: 'labels',
      minLength: 1,
      description: 'name of the integer tensor [n] of class indices',
    }),
    ids: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'name of the integer tensor [n] of image ids; row indices if absent',
      }),
    ),
    classes: Type.Array(Type.String(), {
      default: [],
      description: 'class names by index; may be left out',
    }),
  },
  gives: 'as stored: float32 or uint8 [n, height, width, channels]',
  facts: ({ path, images, classes }, read) => {
    const shape = safetensorsHead(path, read)?.tensors.get(images)?.shape;
    return {
      ...(shape?.length === 4 && { size: [shape[1]!, shape[2]!, shape[3]!] }),
      ...(classes.length > 0 && { classes: classes.length }),
    };
  },
  survey: async ({ params, resolve }) => {
    const file = await openSafetensors(resolve(params.path));
    try {
      const [images] = imageShape(file, params.images);
      return { images, files: () => [file.path] };
    } finally {
      await file.close();
    }
  },
  read: async ({ params, first, count, resolve }) => {
    const file = await openSafetensors(resolve(params.path));
    try {
      const [rows, height, width, channels] = imageShape(file, params.images);
      const pixels = await readImageRows(file, params.images, first, count);
      const labels = await readIntegerRows(file, params.labels, rows, first, count);
      checkLabels(labels, params.classes.length, file.path, params.labels, first);
      const ids =
        params.ids === undefined ? {} : { ids: await readIntegerRows(file, params.ids, rows, first, count) };
      return { pixels, size: [height, width, channels], labels, ...ids, classes: params.classes };
    } finally {
      await file.close();
    }
  },
});

function checkLabels(labels: Int32Array, classes: number, file: string, tensor: string, first: number): void {
  const limit = classes === 0 ? Infinity : classes;
  const wrong = labels.findIndex((label) => label < 0 || label >= limit);
  if (wrong < 0) return;
  const range = classes === 0 ? 'negative' : `not one of the ${classes} classes (0 to ${classes - 1})`;
  throw new StageError(`row ${first + wrong} of '${tensor}': label ${labels[wrong]!} is ${range}`, {
    code: 'bad-data',
    file,
    fix: classes === 0 ? 'number the classes from 0' : "correct the label, or the list 'classes'",
  });
}
