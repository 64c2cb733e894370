import type { Classifier } from '../models/classifier.ts';
import { gradientSigns, predictedClasses } from './gradient-signs.ts';
import { type AttackHooks, type AttackInput, type AttackResult, imageSize } from './images.ts';
import { solveStrength, type Strength } from './strength.ts';

/**
 * Fast gradient sign method (Goodfellow, Shlens and Szegedy 2015; Guo et al. 2018, equation 2): x′ = clip(x + ε sign ∇ₓℓ(x, y), 0, 1), the
 * loss being the cross-entropy at the true label. The direction is computed once, whatever the strength; a target dissimilarity is
 * then solved for ε ∈ [0, 1] with the clipping taken into account. Strength 0 is the identity and computes no gradient.
 * Throws `UnreachableTargetError`.
 */
export async function fgsm(
  classifier: Classifier,
  images: AttackInput,
  strength: Strength,
  hooks: AttackHooks = {},
): Promise<AttackResult> {
  const rows = images.shape[0];
  const target = 'knob' in strength ? strength.knob : strength.dissimilarity;
  if (target === 0) {
    const initial = await predictedClasses(classifier, images, hooks);
    return {
      pixels: images.pixels.slice(),
      initial,
      knobs: new Float64Array(rows),
      zeroGradients: 0,
      scaled: 0,
    };
  }
  const { signs, initial, zeroGradients } = await gradientSigns(classifier, images, hooks);
  if ('knob' in strength) {
    const knobs = new Float64Array(rows).fill(strength.knob);
    const pixels = stepAlong(images, signs, allRows(rows), knobs);
    return { pixels, initial, knobs, zeroGradients, scaled: 0 };
  }
  const solved = await solveStrength(
    images,
    // Trying another ε costs no gradient, so come closer than asked.
    { ...strength, tolerance: Math.min(strength.tolerance, 1e-4) },
    (some, knobs) => Promise.resolve(stepAlong(images, signs, some, knobs)),
    { guess: 1, maximum: 1, refinements: 60, pilot: 0 },
  );
  return { ...solved, initial, zeroGradients };
}

/** clip(x + ε s, 0, 1) for the given rows, each with its own ε, rounded to float32 once. */
export function stepAlong(
  images: AttackInput,
  signs: Int8Array,
  rows: Int32Array,
  epsilons: Float64Array,
): Float32Array {
  const size = imageSize(images.shape);
  const result = new Float32Array(rows.length * size);
  for (let index = 0; index < rows.length; index++) {
    const epsilon = epsilons[index]!;
    const from = rows[index]! * size;
    for (let offset = 0; offset < size; offset++) {
      const value = images.pixels[from + offset]! + epsilon * signs[from + offset]!;
      result[index * size + offset] = Math.min(1, Math.max(0, value));
    }
  }
  return result;
}

function allRows(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}
