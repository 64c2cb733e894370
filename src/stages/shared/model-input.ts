import { StageError } from '../../runtime/stage.ts';
import type { ImageLabels } from '../../values/image-rows.ts';
import type { Images } from '../../values/images.ts';
import { classesOf, inputShapeOf, type Model } from '../../values/model.ts';
import { counted } from '../../values/counted.ts';

/** Throws `StageError` unless the model takes images of this size. */
export function checkImageShape(images: Pick<Images, 'shape'>, model: Model): void {
  const [, ...shape] = images.shape;
  const inputShape = inputShapeOf(model);
  if (shape.join() === inputShape.join()) return;
  throw new StageError(
    `the images are ${shape.join('×')} (height×width×channels), but the model takes ${inputShape.join('×')}`,
    {
      code: 'bad-data',
      fix:
        shape[2] === inputShape[2]
          ? 'resize and crop the images to that size, or use another model'
          : `use images with ${counted(inputShape[2], 'channel')}, or a model for ${shape[2]}`,
    },
  );
}

/** Throws `StageError` for a label that the model has no class for. */
export function checkLabels(images: ImageLabels, model: Model): void {
  const classes = classesOf(model);
  const wrong = images.labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong < 0) return;
  throw new StageError(
    `image ${wrong} (id ${images.ids[wrong]!}) has label ${images.labels[wrong]!}, but the model has ${classes} classes`,
    { code: 'bad-data', fix: 'use a model and a dataset with the same classes' },
  );
}
