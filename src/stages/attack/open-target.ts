import type { StageContext } from '../../runtime/stage.ts';
import type { Classifier } from '../../models/classifier.ts';
import { openClassifier } from '../../models/inference.ts';
import { openBackend } from '../../tensors/backend.ts';
import type { Images } from '../../values/images.ts';
import type { Model } from '../../values/model.ts';

/** What an attack stage is given. */
export interface AttackInputs {
  readonly model: Model;
  readonly images: Images;
}

/** The classifier that an attack sees, on the stage's backend. The caller disposes it. */
export async function openTarget(context: StageContext<unknown, AttackInputs>): Promise<Classifier> {
  await openBackend(context.backend);
  return openClassifier(context.inputs.model);
}
