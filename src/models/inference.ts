/** Opens models as classifiers, which compute logits, and gradients with respect to the input only. */
import { tf } from '../tensors/tf.ts';
import type { NetworkModel } from '../values/model.ts';
import type { ChangingClassifier, Classifier, FoldedClassifier } from './classifier.ts';
import { eagerClassifier } from './eager-classifier.ts';
import { foldModel } from './folding.ts';
import { checkModel } from './network.ts';

/**
 * `graph` gives TensorFlow the whole network as one graph, which it optimises; only the tensorflow backend
 * supports it. `eager` calls one kernel after another. Both compute the same numbers except for rounding.
 */
export type Evaluation = 'graph' | 'eager';

/** The default evaluation of the current backend. */
export function defaultEvaluation(): Evaluation {
  return tf.getBackend() === 'tensorflow' ? 'graph' : 'eager';
}

/**
 * Opens `model` on the current backend (see `openBackend`). Throws `NetworkError` for weights that do not
 * fit. On wasm a row's bits do not depend on the other rows of the batch.
 */
export async function openClassifier(
  model: NetworkModel,
  evaluation: Evaluation = defaultEvaluation(),
): Promise<Classifier> {
  return openChangingClassifier(model, evaluation);
}

/** Opens a model as `openClassifier` does, with weights that can be replaced later. */
export async function openChangingClassifier(
  model: NetworkModel,
  evaluation: Evaluation = defaultEvaluation(),
): Promise<ChangingClassifier> {
  checkModel(model);
  const opened = await openFolded(model, evaluation);
  return Object.assign(opened, {
    replaceWeights: (weights: NetworkModel['weights']): void => {
      const changed = { ...model, weights };
      checkModel(changed);
      opened.replaceFolded(foldModel(changed));
    },
  });
}

async function openFolded(model: NetworkModel, evaluation: Evaluation): Promise<FoldedClassifier> {
  const folded = foldModel(model);
  if (evaluation === 'eager') return eagerClassifier(model.network, folded);
  // Imported here, so that the other backends load none of it.
  const { graphClassifier } = await import('./graph/classifier.ts');
  return graphClassifier(model.network, folded);
}
