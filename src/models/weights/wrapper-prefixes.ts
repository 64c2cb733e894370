/** Names of tensors without what the wrappers of a training put before them. */
import type { NamedTensors } from './named-tensors.ts';

/**
 * `module.` comes from DataParallel and from averaged models, `_orig_mod.` from `torch.compile`, and `model.`
 * or `net.` from a class around the network, as Lightning has it.
 */
const prefixes = ['module.', '_orig_mod.', 'model.', 'net.'];

/** The counter that `torch.optim.swa_utils.AveragedModel` saves beside the weights. */
const averagedCount = 'n_averaged';

/** Removes wrappers that all names share, one inside of the other as far as they go. */
export function withoutWrappers(tensors: NamedTensors): NamedTensors {
  let current = new Map([...tensors].filter(([name]) => name !== averagedCount));
  for (;;) {
    const names = [...current.keys()];
    const shared = prefixes.find(
      (prefix) => names.length > 0 && names.every((name) => name.startsWith(prefix)),
    );
    if (shared === undefined) return current;
    current = new Map([...current].map(([name, tensor]) => [name.slice(shared.length), tensor]));
  }
}

/** The part before the first dot of every name; null if they differ or have no dot. */
export function sharedPrefix(names: readonly string[]): string | null {
  const [first = ''] = names;
  const prefix = first.slice(0, first.indexOf('.') + 1);
  return prefix !== '' && names.every((name) => name.startsWith(prefix)) ? prefix : null;
}
