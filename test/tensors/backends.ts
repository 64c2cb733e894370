/** The backends that are ready here: suites run once on each. */
import { probeBackends } from '../../src/tensors/backend.ts';

export const readyBackends = probeBackends()
  .filter(({ ready }) => ready)
  .map(({ name }) => name);
