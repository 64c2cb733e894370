import type { Classifier } from '../../models/classifier.ts';
import { openClassifier } from '../../models/inference.ts';
import type { StageContext } from '../../runtime/stage.ts';
import { isNetworkModel, type Model } from '../../values/model.ts';
import { identityOf, RecentCache } from '../../values/recent-cache.ts';

/**
 * A classifier that may be lent several times at once. It is closed when it has been evicted and everyone has
 * returned it.
 */
interface Lendable {
  readonly opened: Promise<Classifier>;
  leases: number;
  isLetGo: boolean;
}

/** The part of a stage's context that opens a model: its backend for a network, and its paths for a program. */
export type ModelContext = Pick<StageContext<unknown, unknown>, 'backend' | 'resolve' | 'resolveCode'>;

/** Classifiers that this worker keeps open, because it goes from shard to shard of a few models. */
const warm = new RecentCache<Lendable>({
  limit: 2,
  dispose: (entry) => {
    entry.isLetGo = true;
    closeIfIdle(entry);
  },
});

/**
 * A classifier on the current backend, that of `context`, which this worker may have open already: its weights
 * are checked, folded and copied to the device once for all shards. Models are identified by their object,
 * because a worker decodes each of them once. `dispose` returns it. Throws like `openClassifier`.
 */
export async function warmClassifier(model: Model, context: ModelContext): Promise<Classifier> {
  const key = `${context.backend} ${identityOf(model)}`;
  let entry = warm.get(key);
  if (entry === undefined) {
    entry = { opened: open(model, context), leases: 0, isLetGo: false };
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
    ...(classifier.staysOnDevice === true && { staysOnDevice: true }),
    dispose() {
      if (isBack) return;
      isBack = true;
      lent.leases--;
      closeIfIdle(lent);
    },
  };
}

async function open(model: Model, context: ModelContext): Promise<Classifier> {
  if (isNetworkModel(model)) return openClassifier(model);
  const { openProgram } = await import('./open-program.ts');
  return openProgram(model, context);
}

function closeIfIdle({ isLetGo, leases, opened }: Lendable): void {
  if (!isLetGo || leases > 0) return;
  void opened.then(
    (classifier) => classifier.dispose(),
    // A classifier that failed to open holds nothing.
    () => undefined,
  );
}
