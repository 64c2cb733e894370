/** The backends that are ready here: suites run once on each. */
import { probeBackends } from '../../src/tensors/backend.ts';

const ready = probeBackends()
  .filter((probe) => probe.ready)
  .map(({ name }) => name);

export const readyBackends = ready.filter((name) => name !== 'webgpu');

export const hasWebgpu = ready.includes('webgpu');
