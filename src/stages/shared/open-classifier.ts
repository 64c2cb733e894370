import type { Queries } from '../../attacks/queries.ts';
import type { Model } from '../../values/model.ts';
import type { ModelContext } from './warm-classifier.ts';

/** An open model: logits, input gradients, products and class gradients in plain arrays. */
export interface OpenClassifier extends Queries {
  /** Returns the model. A stage calls it when it is done. */
  readonly dispose: () => void;
}

/**
 * Opens a model for a stage, which must be declared with `device: true`; `context` is that of the stage. A worker keeps the
 * models open that it used last, so that the shards of a stage share one.
 */
export async function openClassifier(model: Model, context: ModelContext): Promise<OpenClassifier> {
  const { openBackend } = await import('../../tensors/backend.ts');
  const { openQueries } = await import('../../attacks/open-queries.ts');
  const { warmClassifier } = await import('./warm-classifier.ts');
  await openBackend(context.backend);
  const classifier = await warmClassifier(model, context);
  return { ...openQueries(classifier), dispose: () => classifier.dispose() };
}
