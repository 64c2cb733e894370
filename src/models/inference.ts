/** A model as a classifier: logits, and gradients with respect to the input alone. */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { tf } from '../tensors/tf.ts';
import type { Model } from '../values/model.ts';
import type { AttackLoss, Classifier } from './classifier.ts';
import { inferencePlan } from './inference-steps.ts';
import type { InferencePlan } from './inference-steps.ts';
import { checkModel } from './network.ts';
import type { Step } from './operations/weightless.ts';

/**
 * Opens `model` on the current backend (see `openBackend`). Throws `NetworkError` for weights that do not fit. On wasm a
 * row's bits do not depend on the other rows of the batch.
 */
// eslint-disable-next-line @typescript-eslint/require-await -- other backends load a graph here
export async function openClassifier(model: Model): Promise<Classifier> {
  checkModel(model);
  const plan = inferencePlan(model);
  const { classes, inputShape } = model.network;
  return {
    classes,
    inputShape,
    logits: (pixels) => forward(plan, pixels, null) as Tensor2D,
    inputGradient: (pixels, labels, loss) => {
      const kept: Kept = new Map();
      const logits = forward(plan, pixels, kept) as Tensor2D;
      const gradient = backward(plan, lossGradient(logits, labels, loss), kept) as Tensor4D;
      return { gradient, logits };
    },
    dispose: () => tf.dispose([...plan.tensors]),
  };
}

/**
 * Gradient of the sum of the losses with respect to the logits. The label's entry of a cross-entropy is minus the sum of
 * the others', not p − 1: that difference rounds to 0 for a confident image and would fake robustness.
 */
export function lossGradient(logits: Tensor2D, labels: Tensor1D, loss: AttackLoss): Tensor2D {
  return tf.tidy(() => {
    const classes = logits.shape[1];
    const label = tf.cast(tf.oneHot(labels, classes), 'float32');
    if (loss === 'margin') {
      // Infinity times 0 is NaN, so a large finite number takes the label out of the competition.
      const others = tf.sub(logits, tf.mul(label, 1e30));
      return tf.sub(tf.cast(tf.oneHot(tf.argMax(others, 1), classes), 'float32'), label);
    }
    const others = tf.mul(tf.softmax(logits), tf.sub(1, label));
    return tf.sub(others, tf.mul(label, tf.sum(others, 1, true)));
  });
}

type Kept = Map<Step, { readonly input: Tensor | null; readonly output: Tensor | null }>;

/** Runs the steps, holding an activation only until its last reader has run, or, where `kept` is given, its gradient. */
function forward({ steps, output }: InferencePlan, pixels: Tensor4D, kept: Kept | null): Tensor {
  const readersLeft = new Map<string, number>([[output, 1]]);
  for (const { inputs } of steps)
    for (const input of inputs) readersLeft.set(input, (readersLeft.get(input) ?? 0) + 1);
  const activations = new Map<string, Tensor>([['input', tf.clone(pixels)]]);
  for (const step of steps) {
    const inputs = step.inputs.map((input) => activations.get(input)!);
    const result = step.forward(inputs);
    if (kept !== null && step.keeps !== 'nothing') {
      const input = step.keeps === 'input-and-output' ? tf.clone(inputs[0]!) : null;
      kept.set(step, { input, output: tf.clone(result) });
    }
    activations.set(step.name, result);
    for (const input of step.inputs) {
      const left = readersLeft.get(input)! - 1;
      readersLeft.set(input, left);
      if (left === 0) {
        activations.get(input)!.dispose();
        activations.delete(input);
      }
    }
  }
  const result = activations.get(output)!;
  activations.delete(output);
  tf.dispose([...activations.values()]);
  return result;
}

/** Takes `gradient`, that of the output, and what `kept` holds; disposes both. */
function backward({ steps, output }: InferencePlan, gradient: Tensor, kept: Kept): Tensor {
  const gradients = new Map<string, Tensor>([[output, gradient]]);
  for (const step of [...steps].reverse()) {
    const dy = gradients.get(step.name);
    const saved = kept.get(step) ?? { input: null, output: null };
    if (dy !== undefined) {
      step.backward(dy, saved).forEach((part, index) => addGradient(gradients, step.inputs[index]!, part));
      dy.dispose();
      gradients.delete(step.name);
    }
    saved.input?.dispose();
    saved.output?.dispose();
  }
  return gradients.get('input')!;
}

function addGradient(gradients: Map<string, Tensor>, name: string, part: Tensor): void {
  const sum = gradients.get(name);
  if (sum === undefined) {
    gradients.set(name, part);
  } else {
    gradients.set(name, tf.add(sum, part));
    sum.dispose();
    part.dispose();
  }
}
