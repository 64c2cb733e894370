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
  if (first === undefined) throw new RangeError('an ensemble of no models');
  for (const { classes, inputShape } of members) {
    if (classes !== first.classes || inputShape.join() !== first.inputShape.join()) {
      throw new RangeError(
        `an ensemble of models for ${first.inputShape.join('×')} with ${first.classes} classes and for ${inputShape.join('×')} with ${classes}`,
      );
    }
  }
  return meanClassifier(first, {
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
}
