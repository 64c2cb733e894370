/** A classifier that runs its network one kernel call after another, for every backend except tensorflow. */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { tf } from '../tensors/tf.ts';
import type { Network } from '../values/model.ts';
import type { FoldedClassifier, InputGradient } from './classifier.ts';
import type { FoldedNetwork } from './folding.ts';
import { inferencePlan } from './inference-steps.ts';
import type { InferencePlan } from './inference-steps.ts';
import { lossGradient } from './loss-gradient.ts';
import type { Step } from './operations/weightless.ts';

/** `folded` is `network` with its weights. */
/* eslint-disable @typescript-eslint/require-await -- what is thrown must reject, and nothing here waits */
export function eagerClassifier({ classes, inputShape }: Network, folded: FoldedNetwork): FoldedClassifier {
  let plan = inferencePlan(folded);
  const pullBack = (pixels: Tensor4D, cotangentAt: (logits: Tensor2D) => Tensor2D): InputGradient => {
    const kept: Kept = new Map();
    const logits = forward(plan, pixels, kept) as Tensor2D;
    const gradient = backward(plan, cotangentAt(logits), kept) as Tensor4D;
    disposeKept(kept);
    return { gradient, logits };
  };
  return {
    classes,
    inputShape,
    logits: (pixels) => Promise.resolve(forward(plan, pixels, null) as Tensor2D),
    inputGradient: async (pixels, labels, loss) =>
      pullBack(pixels, (logits) => lossGradient(logits, labels, loss)),
    vectorJacobianProduct: async (pixels, cotangent) => pullBack(pixels, () => tf.clone(cotangent)),
    classGradients: async (pixels, chosen) => {
      const kept: Kept = new Map();
      const logits = forward(plan, pixels, kept) as Tensor2D;
      const gradients = (tf.unstack(chosen, 1) as Tensor1D[]).map((column) => {
        const cotangent = tf.tidy(() => tf.oneHot(column, classes).cast<Tensor2D>('float32'));
        column.dispose();
        return backward(plan, cotangent, kept);
      });
      disposeKept(kept);
      const stacked = tf.stack(gradients, 1);
      tf.dispose(gradients);
      return { gradients: stacked, logits };
    },
    replaceFolded(changed) {
      tf.dispose([...plan.tensors]);
      plan = inferencePlan(changed);
    },
    dispose: () => tf.dispose([...plan.tensors]),
  };
}

type Kept = Map<Step, { readonly inputs: readonly Tensor[]; readonly output: Tensor | null }>;

/**
 * Runs the steps. An activation is kept until its last reader has run, or, if `kept` is given, for its
 * gradient.
 */
function forward({ steps, output }: InferencePlan, pixels: Tensor4D, kept: Kept | null): Tensor {
  const readersLeft = new Map<string, number>([[output, 1]]);
  for (const { inputs } of steps)
    for (const input of inputs) readersLeft.set(input, (readersLeft.get(input) ?? 0) + 1);
  const activations = new Map<string, Tensor>([['input', tf.clone(pixels)]]);
  for (const step of steps) {
    const inputs = step.inputs.map((input) => activations.get(input)!);
    const result = step.forward(inputs);
    if (kept !== null && step.keeps !== 'nothing') {
      kept.set(step, {
        inputs: step.keeps.startsWith('inputs') ? inputs.map((input) => tf.clone(input)) : [],
        output: step.keeps.endsWith('output') ? tf.clone(result) : null,
      });
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

/**
 * Returns the gradient of the input from `gradient`, that of the output, which it disposes. `kept` stays
 * usable for another pass.
 */
function backward({ steps, output }: InferencePlan, gradient: Tensor, kept: Kept): Tensor {
  const gradients = new Map<string, Tensor>([[output, gradient]]);
  for (const step of [...steps].reverse()) {
    const dy = gradients.get(step.name);
    const saved = kept.get(step) ?? { inputs: [], output: null };
    if (dy !== undefined) {
      step.backward(dy, saved).forEach((part, index) => addGradient(gradients, step.inputs[index]!, part));
      dy.dispose();
      gradients.delete(step.name);
    }
  }
  return gradients.get('input')!;
}

function disposeKept(kept: Kept): void {
  for (const { inputs, output } of kept.values()) {
    tf.dispose([...inputs]);
    output?.dispose();
  }
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
