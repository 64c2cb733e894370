import type { Classifier } from '../../models/classifier.ts';
import { openClassifier } from '../../models/inference.ts';
import type { Model } from '../../values/model.ts';

interface Entry {
  readonly model: Model;
  readonly backend: string;
  readonly opened: Promise<Classifier>;
  leases: number;
}

/** Classifiers kept open beyond their last use: a worker goes from shard to shard of few models. */
const mostIdle = 2;
const entries: Entry[] = [];

/**
 * A classifier on the current backend, named `backend`, that this worker may have open already: checking and folding the weights and
 * bringing them to the device is done once for all shards. Models are told apart by identity, as a worker decodes each of them once.
 * `dispose` gives it back. Throws as `openClassifier`.
 */
export async function warmClassifier(model: Model, backend: string): Promise<Classifier> {
  let at = entries.findIndex((entry) => entry.model === model && entry.backend === backend);
  if (at < 0) at = entries.push({ model, backend, opened: openClassifier(model), leases: 0 }) - 1;
  // The one used last stands last.
  const [entry] = entries.splice(at, 1);
  entries.push(entry!);
  entry!.leases++;
  let classifier: Classifier;
  try {
    classifier = await entry!.opened;
  } catch (error) {
    entries.splice(entries.indexOf(entry!), 1);
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
      entry!.leases--;
      closeIdle();
    },
  };
}

function closeIdle(): void {
  const idle = entries.filter(({ leases }) => leases === 0);
  for (const entry of idle.slice(0, Math.max(0, idle.length - mostIdle))) {
    entries.splice(entries.indexOf(entry), 1);
    void entry.opened.then((classifier) => classifier.dispose());
  }
}
