import type { Tensor4D } from '@tensorflow/tfjs';
import { tf } from '../tensors/tf.ts';
import type { Classifier } from '../models/classifier.ts';
import { stepAlong } from './fgsm.ts';
import { gradientSigns, predictedClasses, rowsTensor } from './gradient-signs.ts';
import {
  type AttackHooks,
  type AttackInput,
  type AttackResult,
  batchesOf,
  imageSize,
  takeRows,
} from './images.ts';
import { solveStrength, type Strength } from './strength.ts';

export interface IterativeFgsmParameters {
  /** M in the paper; 10 there. */
  readonly steps: number;
  /** Radius of the L∞ ball around the original, as in the basic iterative method; no ball where absent. */
  readonly epsilon?: number;
}

/**
 * Iterative FGSM (Kurakin, Goodfellow and Bengio 2016; Guo et al. 2018, equation 3): x⁽⁰⁾ = x, then
 * x⁽ᵐ⁾ = clip(x⁽ᵐ⁻¹⁾ + ε sign ∇ₓℓ(x⁽ᵐ⁻¹⁾, y), 0, 1). The knob is the step size ε. A target dissimilarity is solved for ε ∈ [0, 1]; the
 * gradient at the original is computed once for all the step sizes that are tried. Strength 0 is the identity.
 * Throws `UnreachableTargetError`.
 */
export async function iterativeFgsm(
  classifier: Classifier,
  images: AttackInput,
  strength: Strength,
  parameters: IterativeFgsmParameters,
  hooks: AttackHooks = {},
): Promise<AttackResult> {
  const rows = images.shape[0];
  const target = 'knob' in strength ? strength.knob : strength.dissimilarity;
  if (target === 0 || parameters.epsilon === 0) {
    const initial = await predictedClasses(classifier, images, hooks);
    return {
      pixels: images.pixels.slice(),
      initial,
      knobs: new Float64Array(rows),
      zeroGradients: 0,
      scaled: 0,
    };
  }
  const { signs, initial, zeroGradients } = await gradientSigns(classifier, images, {
    ...hooks,
    onProgress: () => {},
  });
  const evaluate = (some: Int32Array, knobs: Float64Array): Promise<Float32Array> =>
    iterate(classifier, images, signs, some, knobs, parameters, hooks);
  if ('knob' in strength) {
    const knobs = new Float64Array(rows).fill(strength.knob);
    const all = Int32Array.from({ length: rows }, (_, row) => row);
    return { pixels: await evaluate(all, knobs), initial, knobs, zeroGradients, scaled: 0 };
  }
  const solved = await solveStrength(images, strength, evaluate, {
    // About half of the steps at a pixel agree, on natural networks.
    guess: 2 / (parameters.steps + 1),
    maximum: 1,
    refinements: 12,
    pilot: 64,
  });
  return { ...solved, initial, zeroGradients };
}

/** All steps for the given rows, each with its own step size; the first step follows the `signs` at the originals. */
async function iterate(
  classifier: Classifier,
  images: AttackInput,
  signs: Int8Array,
  rows: Int32Array,
  stepSizes: Float64Array,
  { steps, epsilon }: IterativeFgsmParameters,
  hooks: AttackHooks,
): Promise<Float32Array> {
  const size = imageSize(images.shape);
  const result = new Float32Array(rows.length * size);
  for (const [first, end] of batchesOf(rows.length, size)) {
    const some = rows.subarray(first, end);
    const sizes = stepSizes.subarray(first, end);
    const originals = takeRows(images, some);
    const firstSizes = epsilon === undefined ? sizes : sizes.map((value) => Math.min(value, epsilon));
    const started = { ...originals, pixels: stepAlong(images, signs, some, firstSizes) };
    const original = rowsTensor(originals, 0, end - first);
    const labels = tf.tensor1d(originals.labels, 'int32');
    const size4 = tf.tensor4d(Float32Array.from(sizes), [end - first, 1, 1, 1]);
    let current = rowsTensor(started, 0, end - first);
    for (let step = 1; step < steps; step++) {
      hooks.signal?.throwIfAborted();
      const { gradient, logits } = await classifier.inputGradient(current, labels, 'cross-entropy');
      const previous = current;
      current = tf.tidy(() => {
        const moved = tf.add<Tensor4D>(previous, tf.mul(tf.sign(gradient), size4));
        if (epsilon === undefined) return tf.clipByValue(moved, 0, 1);
        const held = tf.minimum<Tensor4D>(
          tf.maximum(moved, tf.sub(original, epsilon)),
          tf.add(original, epsilon),
        );
        return tf.clipByValue(held, 0, 1);
      });
      tf.dispose([previous, gradient, logits]);
    }
    result.set(await current.data(), first * size);
    tf.dispose([original, labels, size4, current]);
    hooks.onProgress?.(end, rows.length);
  }
  return result;
}
