import type { ImageBatch } from './images.ts';
import { setDeviceForm, watchedForm } from './on-device/device-queries.ts';
import type { Queries } from './queries.ts';

/** How often a classifier was asked, in images: a pass over a batch of n counts n. */
export interface PassCounts {
  /** Passes from pixels to logits, those before a backward pass included. */
  readonly forward: number;
  /** Passes from logits back to the pixels: k for the gradients of k classes. */
  readonly backward: number;
}

/** The same queries, which count what they are asked. A query through several draws of a defense counts once. */
export function countQueries(queries: Queries): {
  readonly queries: Queries;
  readonly counts: () => PassCounts;
} {
  let forward = 0;
  let backward = 0;
  const count = (rows: number, back: number): void => {
    forward += rows;
    backward += rows * back;
  };
  const counting: Queries = {
    ...queries,
    logits: (batch) => {
      count(batch.shape[0], 0);
      return queries.logits(batch);
    },
    gradient: (batch, loss) => {
      count(batch.shape[0], 1);
      return queries.gradient(batch, loss);
    },
    vectorJacobianProduct: (batch, cotangent) => {
      count(batch.shape[0], 1);
      return queries.vectorJacobianProduct(batch, cotangent);
    },
    ...(queries.drawLogits && {
      drawLogits: (batch: ImageBatch) => {
        count(batch.shape[0], 0);
        return queries.drawLogits!(batch);
      },
    }),
    classGradients: (batch, chosen) => {
      count(batch.shape[0], chosen.length / batch.shape[0]);
      return queries.classGradients(batch, chosen);
    },
  };
  const onDevice = watchedForm(queries, { before: count });
  if (onDevice !== null) setDeviceForm(counting, onDevice);
  return { counts: () => ({ forward, backward }), queries: counting };
}
