import type { Classifier } from '../models/classifier.ts';
import { type Average, meanClassifier } from './mean-classifier.ts';

/**
 * Several models attacked as one, so that the perturbation transfers to models outside the ensemble (Liu et
 * al. 2017, "Delving into transferable adversarial examples and black-box attacks"; Dong et al. 2018 compare
 * the averages: logits transfer best). Owns its members. Throws `RangeError` for an empty list, and for
 * members that differ in classes or input shape.
 */
export function ensembleClassifier(members: readonly Classifier[], average: Average): Classifier {
  const [first] = members;
  if (first === undefined) throw new RangeError('an ensemble needs at least one model');
  for (const { classes, inputShape } of members) {
    if (classes !== first.classes || inputShape.join() !== first.inputShape.join()) {
      throw new RangeError(
        `the models of an ensemble must take the same images and have the same classes: one takes ${first.inputShape.join('×')} and has ${first.classes} classes, another ${inputShape.join('×')} and ${classes}`,
      );
    }
  }
  const mean = meanClassifier(first, {
    average,
    open: (pixels, ids) =>
      Promise.resolve(
        members.map((member) => ({
          logits: () => member.logits(pixels, ids),
          inputGradient: (labels, loss) => member.inputGradient(pixels, labels, loss, ids),
          vectorJacobianProduct: (cotangent) => member.vectorJacobianProduct(pixels, cotangent, ids),
          classGradients: (classes) => member.classGradients(pixels, classes, ids),
          dispose: () => {},
        })),
      ),
    dispose: () => {
      for (const member of members) member.dispose();
    },
  });
  return members.every(({ staysOnDevice }) => staysOnDevice === true)
    ? { ...mean, staysOnDevice: true }
    : mean;
}
