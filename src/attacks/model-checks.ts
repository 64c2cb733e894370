import type { ImageBatch } from './images.ts';
import { sliceRows } from './images.ts';
import { setDeviceForm, watchedForm } from './on-device/device-queries.ts';
import type { Queries } from './queries.ts';

/** Checks of what an attack gets from a model, after those that AutoAttack's authors make (`checks.py` of their code). */

/** Logits that sum to 1 and lie in [0, 1] up to this are taken for probabilities, as in the authors' code. */
const tolerance = 1e-5;

/** The same queries, which notice whether all logits so far look like probabilities. */
export function watchOutputs(queries: Queries): {
  readonly queries: Queries;
  readonly areProbabilities: () => boolean;
} {
  let hasSeen = false;
  let areProbabilities = true;
  const watch = <R extends { readonly logits: Float32Array }>(answer: R): R => {
    hasSeen ||= answer.logits.length > 0;
    areProbabilities &&= areRowsOfProbabilities(answer.logits, queries.classes);
    return answer;
  };
  const watching: Queries = {
    ...queries,
    logits: async (batch) => watch({ logits: await queries.logits(batch) }).logits,
    gradient: async (batch, loss) => watch(await queries.gradient(batch, loss)),
    classGradients: async (batch, chosen) => watch(await queries.classGradients(batch, chosen)),
  };
  const onDevice = watchedForm(queries, { after: watch });
  if (onDevice !== null) setDeviceForm(watching, onDevice);
  return { areProbabilities: () => hasSeen && areProbabilities, queries: watching };
}

function areRowsOfProbabilities(logits: Float32Array, classes: number): boolean {
  for (let first = 0; first < logits.length; first += classes) {
    let sum = 0;
    for (let at = first; at < first + classes; at++) {
      const value = logits[at]!;
      if (!(value >= -tolerance && value <= 1 + tolerance)) return false;
      sum += value;
    }
    if (!(Math.abs(sum - 1) < tolerance)) return false;
  }
  return true;
}

/** Images that the comparison of two batches takes. */
const compared = 8;
/** Relative difference of logits that rounding in another batch does not explain. */
const noticeable = 1e-3;

/**
 * Whether the logits of an image depend on the other images of its batch or on chance: a batch norm that uses the
 * statistics of the batch, dropout that is on, or noise. Compares a few images with the same images in another order.
 */
export async function dependsOnBatch(queries: Queries, images: ImageBatch): Promise<boolean> {
  const count = Math.min(compared, images.shape[0]);
  if (count < 2) return false;
  const some = sliceRows(images, 0, count);
  const order = [...Array(count - 1).keys()].reverse();
  const size = some.pixels.length / count;
  const others: ImageBatch = {
    shape: [order.length, some.shape[1], some.shape[2], some.shape[3]],
    pixels: Float32Array.from(
      order.flatMap((row) => [...some.pixels.subarray(row * size, (row + 1) * size)]),
    ),
    labels: Int32Array.from(order, (row) => some.labels[row]!),
    ids: Int32Array.from(order, (row) => some.ids[row]!),
  };
  const first = await queries.logits(some);
  const second = await queries.logits(others);
  const { classes } = queries;
  return order.some((row, position) => {
    const own = first.subarray(row * classes, (row + 1) * classes);
    const again = second.subarray(position * classes, (position + 1) * classes);
    const largest = own.reduce((most, logit) => Math.max(most, Math.abs(logit)), 1e-10);
    return own.some((logit, column) => Math.abs(logit - again[column]!) > noticeable * largest);
  });
}
