import type { Classifier } from '../../models/classifier.ts';
import { openClassifier } from '../../models/inference.ts';
import type { Model } from '../../values/model.ts';
import { identityOf, RecentCache } from '../../values/recent-cache.ts';

/** A classifier that may be lent several times at once. It is closed when it was let go and all have given it back. */
interface Lendable {
  readonly opened: Promise<Classifier>;
  leases: number;
  isLetGo: boolean;
}

/** Classifiers of this worker, which goes from shard to shard of few models. */
const warm = new RecentCache<Lendable>({
  limit: 2,
  dispose: (entry) => {
    entry.isLetGo = true;
    closeIfIdle(entry);
  },
});

/**
 * A classifier on the current backend, named `backend`, that this worker may have open already: checking and folding the weights and
 * bringing them to the device is done once for all shards. Models are told apart by identity, as a worker decodes each of them once.
 * `dispose` gives it back. Throws as `openClassifier`.
 */
export async function warmClassifier(model: Model, backend: string): Promise<Classifier> {
  const key = `${backend} ${identityOf(model)}`;
  let entry = warm.get(key);
  if (entry === undefined) {
    entry = { opened: openClassifier(model), leases: 0, isLetGo: false };
    warm.set(key, entry);
  }
  const lent = entry;
  lent.leases++;
  let classifier: Classifier;
  try {
    classifier = await lent.opened;
  } catch (error) {
    lent.leases--;
    warm.delete(key);
    throw error;
  }
  let isBack = false;
  return {
    classes: classifier.classes,
    inputShape: classifier.inputShape,
    logits: (...call) => classifier.logits(...call),
    inputGradient: (...call) => classifier.inputGradient(...call),
    vectorJacobianProduct: (...call) => classifier.vectorJacobianProduct(...call),
    classGradients: (...call) => classifier.classGradients(...call),
    dispose() {
      if (isBack) return;
      isBack = true;
      lent.leases--;
      closeIfIdle(lent);
    },
  };
}

function closeIfIdle({ isLetGo, leases, opened }: Lendable): void {
  if (!isLetGo || leases > 0) return;
  void opened.then(
    (classifier) => classifier.dispose(),
    // A classifier that could not be opened holds nothing.
    () => undefined,
  );
}
