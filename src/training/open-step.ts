/** Which form of a training step suits the backend. */
import { defaultEvaluation } from '../models/inference.ts';
import type { Evaluation } from '../models/inference.ts';
import type { NetworkModel } from '../values/model.ts';
import { eagerStep } from './eager-step.ts';
import type { SgdStep, StepHyperparameters } from './step.ts';

/**
 * Opens the form of a training step that suits the backend, or the one that `evaluation` names (see
 * `openClassifier`).
 */
export async function openStep(
  model: NetworkModel,
  options: StepHyperparameters & { readonly evaluation?: Evaluation },
): Promise<SgdStep> {
  const { evaluation = defaultEvaluation() } = options;
  if (evaluation === 'eager') return eagerStep(model, options);
  // Imported here, so that the other backends load none of it.
  const { graphStep } = await import('./graph-step.ts');
  return graphStep(model, options);
}
