/** The backends that are ready here: suites run once on each. */
import type { Evaluation } from '../../src/models/inference.ts';
import { probeBackends } from '../../src/tensors/backend.ts';

const ready = probeBackends()
  .filter((probe) => probe.ready)
  .map(({ name }) => name);

export const readyBackends = ready.filter((name) => !process.env['ONLY'] || name === process.env['ONLY']);

export const hasWebgpu = ready.includes('webgpu');

/** Every way in which a network can be evaluated here: each backend's own, and step by step where that is another. */
export const readyEvaluations = readyBackends.flatMap((backend): [string, Evaluation][] =>
  backend === 'tensorflow'
    ? [
        [backend, 'graph'],
        [backend, 'eager'],
      ]
    : [[backend, 'eager']],
);
