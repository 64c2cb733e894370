/** The backends that are ready here: suites run once on each. */
import type { Evaluation } from '../../src/models/inference.ts';
import { probeBackends } from '../../src/tensors/backend.ts';

export const readyBackends = probeBackends()
  .filter((probe) => probe.ready)
  .map(({ name }) => name);

export const hasWebgpu = readyBackends.includes('webgpu');

/** Every way in which a network can be evaluated here: each backend's own, and step by step where that is another. */
export const readyEvaluations = readyBackends.flatMap((backend): [string, Evaluation][] =>
  backend === 'tensorflow'
    ? [
        [backend, 'graph'],
        [backend, 'eager'],
      ]
    : [[backend, 'eager']],
);
