import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { LabelLoss, Classifier, InputGradient } from '../models/classifier.ts';
import { lossGradient } from '../models/loss-gradient.ts';
import { tf } from '../tensors/tf.ts';

/**
 * The quantity averaged over the parts: the `logits`, of whose mean the loss is then taken, or the `loss` of
 * each part. Averaging losses takes one pass per part, averaging logits two, because the gradient of the loss
 * is known only when all logits are.
 */
export type Average = 'logits' | 'loss';

type ClassGradients = Awaited<ReturnType<Classifier['classGradients']>>;

/** One of the averaged classifiers at one batch: a draw of a defense, or a member of an ensemble. */
export interface Part {
  logits(): Promise<Tensor2D>;
  inputGradient(labels: Tensor1D, loss: LabelLoss): Promise<InputGradient>;
  vectorJacobianProduct(cotangent: Tensor2D): Promise<InputGradient>;
  classGradients(classes: Tensor2D): Promise<ClassGradients>;
  /** Frees what the part keeps for its batch. */
  dispose(): void;
}

export interface MeanOptions {
  readonly average: Average;
  /** Opens the parts, one or more, at a batch of pixels. */
  readonly open: (pixels: Tensor4D, ids: Int32Array | undefined) => Promise<readonly Part[]>;
  readonly dispose: () => void;
}

/**
 * The mean of several classifiers as one classifier. Its logits are the mean of theirs for both averages.
 * With `average: loss` the gradient of a loss is the mean of the gradients of their losses. Products with a
 * vector and gradients of single logits are linear in the logits, so both averages agree on them.
 */
export function meanClassifier(
  { classes, inputShape }: Pick<Classifier, 'classes' | 'inputShape'>,
  { average, open, dispose }: MeanOptions,
): Classifier {
  const withParts = async <R>(
    pixels: Tensor4D,
    ids: Int32Array | undefined,
    use: (parts: readonly Part[]) => Promise<R>,
  ): Promise<R> => {
    const parts = await open(pixels, ids);
    try {
      return await use(parts);
    } finally {
      for (const part of parts) part.dispose();
    }
  };
  const meanLogits = async (parts: readonly Part[]): Promise<Tensor2D> => {
    const { logits } = await meanOf(parts, async (part) => ({ logits: await part.logits() }));
    return logits;
  };
  return {
    classes,
    inputShape,
    logits: (pixels, ids) => withParts(pixels, ids, meanLogits),
    inputGradient: (pixels, labels, loss, ids) =>
      withParts(pixels, ids, async (parts) => {
        if (average === 'loss' || parts.length === 1) {
          return meanOf(parts, (part) => part.inputGradient(labels, loss));
        }
        const logits = await meanLogits(parts);
        const cotangent = lossGradient(logits, labels, loss);
        const pulled = await meanOf(parts, (part) => part.vectorJacobianProduct(cotangent));
        tf.dispose([cotangent, pulled.logits]);
        return { gradient: pulled.gradient, logits };
      }),
    vectorJacobianProduct: (pixels, cotangent, ids) =>
      withParts(pixels, ids, (parts) => meanOf(parts, (part) => part.vectorJacobianProduct(cotangent))),
    classGradients: (pixels, chosen, ids) =>
      withParts(pixels, ids, (parts) => meanOf(parts, (part) => part.classGradients(chosen))),
    dispose,
  };
}

/**
 * Mean of each tensor over the parts. They are computed one after another, so that memory does not grow with
 * their number.
 */
async function meanOf<R extends object>(
  parts: readonly Part[],
  evaluate: (part: Part) => Promise<R & Record<keyof R, Tensor>>,
): Promise<R> {
  let sums: Record<string, Tensor> | null = null;
  for (const part of parts) {
    const values: Record<string, Tensor> = await evaluate(part);
    sums = sums === null ? values : combine(sums, (name, sum) => tf.add(sum, values[name]!), values);
  }
  if (sums === null) throw new RangeError('a mean needs at least one classifier');
  if (parts.length === 1) return sums as R;
  return combine(sums, (_, sum) => tf.div(sum, parts.length), {}) as R;
}

/** Applies `next` to every tensor, then disposes the old ones and `spent`. */
function combine(
  tensors: Readonly<Record<string, Tensor>>,
  next: (name: string, tensor: Tensor) => Tensor,
  spent: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const result = Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, next(name, tensor)]),
  );
  tf.dispose([...Object.values(tensors), ...Object.values(spent)]);
  return result;
}
