import { backendNames, bestBackend, probeBackend } from '../tensors/backend.ts';
import { UsageError } from './exit-codes.ts';

/**
 * Chooses the backend to compute on: the named one, or with `auto` the best that is ready. Throws
 * `UsageError` if the named one is unknown or not ready.
 */
export function resolveBackend(name: string): string {
  const known = backendNames();
  if (name === 'auto') return bestBackend();
  if (!known.includes(name)) {
    throw new UsageError(
      `the ${name} backend is not part of this version of ravelin`,
      `use ${known.join(' or ')}`,
    );
  }
  const probe = probeBackend(name);
  if (!probe.ready) {
    const [why = '', fix] = (probe.why ?? '').split('; ');
    throw new UsageError(`the ${name} backend is not ready: ${why}`, fix);
  }
  return name;
}
