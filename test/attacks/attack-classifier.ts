import * as engine from '../../src/attacks/attack-images.ts';
import type { Attack, Strength } from '../../src/attacks/attack.ts';
import { classifyOriginals, openProblem } from '../../src/attacks/originals.ts';
import type { ImageBatch } from '../../src/attacks/images.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import type { Classifier } from '../../src/models/classifier.ts';

/** `attackImages` on a classifier. */
export function attackImages(
  attack: Attack,
  classifier: Classifier,
  images: ImageBatch,
  strength: Strength,
): Promise<engine.AttackResult> {
  return engine.attackImages(attack, openQueries(classifier), images, strength);
}

/** `sweepStrengths` on a classifier. */
export function sweepStrengths(
  attack: Attack,
  classifier: Classifier,
  images: ImageBatch,
  strengths: readonly Strength[],
): Promise<readonly engine.AttackResult[]> {
  return engine.sweepStrengths(attack, openQueries(classifier), images, strengths);
}

/** Logits of images, and the class that the classifier gives to each. */
export async function classify(
  classifier: Classifier,
  images: ImageBatch,
): Promise<{ readonly logits: Float32Array; readonly classes: Int32Array }> {
  const problem = openProblem(openQueries(classifier), images);
  const logits = await classifyOriginals(problem);
  return { logits, classes: problem.originals.initial };
}
