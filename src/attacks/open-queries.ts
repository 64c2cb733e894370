import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Classifier } from '../models/classifier.ts';
import { tf } from '../tensors/tf.ts';
import type { ImageBatch } from './images.ts';
import { deviceQueries, setDeviceForm } from './on-device/device-queries.ts';
import { uploadImages } from './on-device/upload.ts';
import type { Queries } from './queries.ts';

/** Opens queries to a classifier on the current backend. The caller keeps the classifier and disposes it. */
export function openQueries(classifier: Classifier): Queries {
  const queries = plainQueries(classifier);
  if (classifier.staysOnDevice === true) setDeviceForm(queries, deviceQueries(classifier));
  return queries;
}

function plainQueries(classifier: Classifier): Queries {
  const upload = classifier.staysOnDevice === true ? uploadImages : uploadFloats;
  const withPixels = async <R>(batch: ImageBatch, query: (pixels: Tensor4D) => Promise<R>): Promise<R> => {
    const pixels = upload(batch.pixels, batch.shape);
    try {
      return await query(pixels);
    } finally {
      pixels.dispose();
    }
  };
  return {
    classes: classifier.classes,
    inputShape: classifier.inputShape,
    logits: (batch) => withPixels(batch, async (pixels) => take(await classifier.logits(pixels, batch.ids))),
    gradient: (batch, loss) =>
      withPixels(batch, async (pixels) => {
        const labels = tf.tensor1d(batch.labels, 'int32');
        const { gradient, logits } = await classifier.inputGradient(pixels, labels, loss, batch.ids);
        labels.dispose();
        return { gradient: withoutNaN(await take(gradient)), logits: await take(logits) };
      }),
    vectorJacobianProduct: (batch, cotangent) =>
      withPixels(batch, async (pixels) => {
        const slopes = tf.tensor2d(cotangent, [batch.shape[0], classifier.classes]);
        const { gradient, logits } = await classifier.vectorJacobianProduct(pixels, slopes, batch.ids);
        slopes.dispose();
        return { gradient: withoutNaN(await take(gradient)), logits: await take(logits) };
      }),
    classGradients: (batch, chosen) =>
      withPixels(batch, async (pixels) => {
        const rows = batch.shape[0];
        const classes: Tensor2D = tf.tensor2d(chosen, [rows, chosen.length / rows], 'int32');
        const { gradients, logits } = await classifier.classGradients(pixels, classes, batch.ids);
        classes.dispose();
        return { gradients: withoutNaN(await take(gradients)), logits: await take(logits) };
      }),
    ...(classifier.drawLogits && {
      drawLogits: (batch: ImageBatch) =>
        withPixels(batch, async (pixels) => take(await classifier.drawLogits!(pixels, batch.ids))),
    }),
  };
}

function uploadFloats(pixels: Float32Array, shape: ImageBatch['shape']): Tensor4D {
  return tf.tensor4d(pixels, [...shape]);
}

async function take(tensor: Tensor): Promise<Float32Array> {
  const values = (await tensor.data()) as Float32Array;
  tensor.dispose();
  return values;
}

function withoutNaN(values: Float32Array): Float32Array {
  for (let index = 0; index < values.length; index++) {
    if (Number.isNaN(values[index]!)) values[index] = 0;
  }
  return values;
}
